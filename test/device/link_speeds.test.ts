import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyPriceRows } from '../../engine/coordinator/copy_price.ts';
import { LinkSpeeds } from '../../engine/coordinator/link_speeds.ts';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { whyNotHeld } from '../../engine/device/discovery.ts';
import { cpuDevice } from '../ui/fake_machine.ts';

const ENTRY = path.resolve('out/main/link.cjs');

it('measures a link once, keeps it for threads alike, and measures anew where the driver is another', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-links-'));
  const file = path.join(folder, 'links.json');
  const links = new LinkSpeeds(folder, ENTRY);
  const [one, two] = ['cpu:0', 'cpu:1'].map((id, index) => ({ ...cpuDevice(id, 1), name: `Xeon, thread ${index}` }));
  if (one === undefined || two === undefined) throw new Error('no devices');
  expect(links.of(one)).toBeUndefined();
  await links.know([one, two]);
  const speed = links.of(one) as number;
  // An expert of 16 MiB in somewhere between 0.1 ms and 10 s.
  expect(speed).toBeGreaterThan(1e6);
  expect(speed).toBeLessThan(2e11);
  const written = readFileSync(file, 'utf8');
  await links.know([one, two]);
  expect(readFileSync(file, 'utf8')).toBe(written);
  expect(links.of(two)).toBe(speed);
  expect(links.told({ devices: [one], absent: [] }).devices[0]?.loadBytesPerSecond).toBe(speed);
  expect(links.of({ ...one, driver: '2.0' })).toBeUndefined();
  writeFileSync(file, '{"damaged');
  expect(links.of(one)).toBeUndefined();
}, 60_000);

it('prices a copy in rows of the host: both measured once; nothing on a CPU device', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-links-'));
  const links = new LinkSpeeds(folder, ENTRY);
  const speed = await links.hostRow();
  expect(speed).toBeGreaterThan(1e6);
  expect(await new LinkSpeeds(folder, path.resolve('test/device/mute_worker.cjs')).hostRow()).toBe(speed);
  const card = { ...cpuDevice('webgpu:0', 1), provider: 'webgpu', name: 'Card', driver: '1' } as const;
  const chosen = [cpuDevice('cpu:0', 1), card].map((device) => ({ id: device.id, bytes: 1, device }));
  expect(await copyPriceRows(chosen, undefined)).toEqual([0, 0]);
  expect(await copyPriceRows(chosen, links)).toEqual([0, 0]);
  const { onnxruntime } = describeMachine();
  const file = path.join(folder, 'links.json');
  const known = JSON.parse(readFileSync(file, 'utf8'));
  for (const [share, rows] of [
    [0.19, 5],
    [1.5, 0],
  ] as const) {
    writeFileSync(file, JSON.stringify({ ...known, [`webgpu | Card | 1 | ${onnxruntime}`]: speed * share }));
    expect(await copyPriceRows(chosen, links)).toEqual([0, rows]);
  }
}, 60_000);

it('says why a link could not be measured', async () => {
  const links = new LinkSpeeds(
    mkdtempSync(path.join(tmpdir(), 'moe-links-')),
    path.resolve('test/device/mute_worker.cjs'),
  );
  await expect(links.measure(cpuDevice('cpu:0', 1))).rejects.toThrow(
    'cpu:0: its link could not be measured (its thread ended with code 0)',
  );
});

it('says of a card whether weights can be fp16 there, once it was asked, and refuses a run that wants them where not', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-links-'));
  const links = new LinkSpeeds(folder, path.resolve('test/device/card_worker.cjs'));
  const card = { ...cpuDevice('webgpu:0', 1), provider: 'webgpu' as const };
  const chosen = () => links.toldOfChosen([{ id: card.id, bytes: 1, device: card }]);
  const half = { experts: 'fp16', dense: 'stored' } as const;
  // Nothing is known: opening the card will tell.
  expect(whyNotHeld(chosen(), half)).toBeUndefined();
  await links.know([card]);
  expect(chosen()[0]?.device).toMatchObject({ float16: false, loadBytesPerSecond: 1e9 });
  expect(whyNotHeld(chosen(), half)).toMatch(/^precision: webgpu:0: .* no float16 .*choose stored, int8 or int4\.$/);
  expect(whyNotHeld(chosen(), { experts: 'int4', dense: 'stored' })).toBeUndefined();
  // A speed that was measured before this was asked is no answer.
  const file = path.join(folder, 'links.json');
  const speeds = Object.entries(JSON.parse(readFileSync(file, 'utf8'))).filter(([key]) => !key.includes('bits'));
  writeFileSync(file, JSON.stringify(Object.fromEntries(speeds)));
  await links.know([card]);
  expect(chosen()[0]?.device.float16).toBe(false);
});
