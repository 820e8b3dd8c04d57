import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { readRun } from '../../engine/report/run_reader.ts';
import { enginePid } from './bare_page.ts';
import { test } from './studio_app.ts';

const CLI = path.resolve('out/main/cli.cjs');
const EXPERT_BYTES = 3 * 192 * 64 * 4;
const LAYERS = 8;

/** The newcomer's first run: the bundled model on sample prompts. */
async function running(page: Page): Promise<void> {
  await expect(page.getByRole('button', { name: 'Pause' })).toBeEnabled({ timeout: 60_000 });
  await expect(page.getByText(/Replay exact over/)).toBeVisible({ timeout: 60_000 });
}

const runsIn = (home: string) =>
  readdirSync(path.join(home, 'data/runs')).map((name) => path.join(home, 'data/runs', name));

function emitted(recording: RunRecording): Map<number, number[]> {
  const tokens = new Map<number, number[]>();
  for (const { emitted: list } of recording.steps) {
    for (const [sequence, token] of list) tokens.set(sequence, [...(tokens.get(sequence) ?? []), token]);
  }
  return tokens;
}

async function dragTo(page: Page, fraction: number): Promise<void> {
  const thumb = await page.locator('.slider-thumb').boundingBox();
  const track = await page.locator('.slider-track').boundingBox();
  if (thumb === null || track === null) throw new Error('the cache slider is not on screen');
  await page.mouse.move(thumb.x + thumb.width / 2, thumb.y + thumb.height / 2);
  await page.mouse.down();
  await page.mouse.move(track.x + track.width * fraction, thumb.y + thumb.height / 2, { steps: 12 });
  await page.mouse.up();
}

async function untilSteps(home: string, steps: number): Promise<void> {
  const [file] = runsIn(home);
  await expect
    .poll(async () => (await readRun(file ?? '')).steps.length, { timeout: 90_000, intervals: [500] })
    .toBeGreaterThan(steps);
}

test('the cache slider: bytes follow within a step, replay agrees to the unit, the text stays', async ({ studio }) => {
  test.setTimeout(240_000);
  const { page, home } = studio;
  await running(page);
  await dragTo(page, 1 / 63);
  await expect(page.getByText(/Cache 64 → 2 slots/).first()).toBeVisible();
  const [file = ''] = runsIn(home);
  const shrunkAt = (await readRun(file)).steps.length;
  await untilSteps(home, shrunkAt + 4);
  await dragTo(page, 1);
  await expect(page.getByText(/Cache 2 → 64 slots/).first()).toBeVisible();
  await untilSteps(home, (await readRun(file)).steps.length + 4);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Run' })).toBeEnabled({ timeout: 30_000 });

  const recording = await readRun(file);
  expect(recording.complete).toBe(true);
  const slots = recording.settings.map((change) => change.slotsPerLayer);
  expect(slots).toEqual([64, 2, 64]);
  const bytesAt = (step: number) => recording.steps[step]?.ledgerBytes[LEDGER_CATEGORIES.indexOf('experts')] ?? 0;
  const [, shrink, grow] = recording.settings.map((change) => change.atStep) as [number, number, number];
  expect(bytesAt(shrink - 1)).toBeGreaterThan(40 * LAYERS * EXPERT_BYTES);
  expect(bytesAt(shrink)).toBeLessThanOrEqual(2 * LAYERS * EXPERT_BYTES);
  expect(bytesAt(grow)).toBeGreaterThan(2 * LAYERS * EXPERT_BYTES);
  const audit = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(audit.replayed).toEqual(audit.measured);
  await expect(page.getByText(`Replay exact over ${recording.steps.length} steps`)).toBeVisible();

  // The same run without touching the slider, headless: every token so far is the same.
  const out = path.join(home, 'reference.json');
  const { promptCount, promptTokens, newTokens, batch, temperature, seed } = DEFAULT_RUN;
  const most = Math.min(newTokens, recording.steps.length);
  execFileSync(process.execPath, [
    ...[CLI, 'run', '--model', 'models/demo-lm', '--out', out, '--json'],
    ...['--prompts', String(batch), '--prompt-tokens', String(promptTokens), '--new-tokens', String(most)],
    ...['--batch', String(batch), '--temperature', String(temperature), '--seed', String(seed)],
  ]);
  expect(promptCount).toBeGreaterThanOrEqual(batch);
  const reference = emitted(await readRun(out));
  for (const [sequence, tokens] of emitted(recording)) {
    const wanted = reference.get(sequence);
    if (wanted === undefined) continue;
    const shared = Math.min(tokens.length, wanted.length);
    expect(tokens.slice(0, shared)).toEqual(wanted.slice(0, shared));
  }
  expect(reference.size).toBe(batch);
});

test('an engine killed mid-run is said, restarts, and its run file opens', async ({ studio }) => {
  test.setTimeout(180_000);
  const { app, page, home } = studio;
  await running(page);
  const pid = await enginePid(app);
  if (pid === undefined) throw new Error('the engine does not run');
  process.kill(pid, 'SIGKILL');
  await expect(page.getByText(/engine (has )?(stopped|died|was killed|ended)/i).first()).toBeVisible();
  const [file = ''] = runsIn(home);
  const recording = await readRun(file);
  expect(recording.complete).toBe(false);
  expect(recording.steps.length).toBeGreaterThan(0);
  const audit = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(audit.replayed).toEqual(audit.measured);

  await page
    .getByRole('button', { name: /^Restart/ })
    .first()
    .click();
  await running(page);
  expect(await enginePid(app)).not.toBe(pid);
  expect(runsIn(home)).toHaveLength(2);
});
