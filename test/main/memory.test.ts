import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../src-main/atomic_file.ts';
import { openJsonFile } from '../../src-main/json_file.ts';
import { FIRST_PREFERENCES, Preferences } from '../../src-main/preferences.ts';
import { RecentEntries, Recents } from '../../src-main/recents.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moe-memory-'));
});
afterEach(() => rm(folder, { recursive: true }));

const file = (name: string) => path.join(folder, name);
const openPreferences = () => openJsonFile<Preferences>(file('p.json'), Preferences, FIRST_PREFERENCES);

describe('writeFileAtomic', () => {
  it('replaces the content and leaves nothing beside it', async () => {
    await writeFileAtomic(file('a.json'), 'old');
    await writeFileAtomic(file('a.json'), 'new');
    expect(await readFile(file('a.json'), 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('says why it failed, and cleans up', async () => {
    await mkdir(file('taken'));
    await expect(writeFileAtomic(file('taken'), 'x')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

describe('openJsonFile', () => {
  it('gives back what was set last, however fast it was set', async () => {
    const preferences = await openPreferences();
    expect(preferences.value).toEqual(FIRST_PREFERENCES);
    for (const theme of ['dark', 'light', 'system', 'dark'] as const) preferences.set({ ...preferences.value, theme });
    await preferences.settled();
    expect((await openPreferences()).value).toEqual({ theme: 'dark' });
  });

  it.each(['', '{"theme":', '{"theme":"pink"}', '[]'])('begins anew where the file holds %s', async (content) => {
    await writeFile(file('p.json'), content);
    expect((await openPreferences()).value).toEqual(FIRST_PREFERENCES);
  });
});

describe('Recents', () => {
  const open = async () => new Recents(await openJsonFile(file('r.json'), RecentEntries, []));

  it('lists folders once, latest first, and says which are gone', async () => {
    const model = file('olmoe');
    await mkdir(model);
    await writeFile(path.join(model, 'config.json'), '{}');
    const recents = await open();
    await recents.add(model, new Date(0));
    await recents.add(file('unplugged'), new Date(1000));
    await recents.add(model, new Date(2000));
    expect(await (await open()).list()).toEqual([
      { path: model, name: 'olmoe', openedAt: '1970-01-01T00:00:02.000Z', exists: true },
      { path: file('unplugged'), name: 'unplugged', openedAt: '1970-01-01T00:00:01.000Z', exists: false },
    ]);
    await recents.remove(model);
    expect((await recents.list()).map(({ name }) => name)).toEqual(['unplugged']);
  });

  it('forgets the oldest ones', async () => {
    const recents = await open();
    for (let i = 0; i < 20; i++) await recents.add(`/models/${i}`);
    const names = (await recents.list()).map(({ name }) => name);
    expect(names).toHaveLength(12);
    expect(names[0]).toBe('19');
  });
});
