import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fitModel } from '../../engine/coordinator/fit.ts';
import { noteLoadRate, readLoadRate } from '../../engine/coordinator/load_rate.ts';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { MeasuredMemory } from '../../engine/coordinator/measured_memory.ts';
import { expectedLedger, planMemory } from '../../engine/coordinator/memory_plan.ts';
import { inspectModel, openModel } from '../../engine/coordinator/open_model.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import { chooseDevices } from '../../engine/device/discovery.ts';
import { DEFAULT_RUN, type RunSettings } from '../../engine/protocol/settings.ts';
import { devices, RANK_ENTRY, runTiny, TINY, tinyModel, tinyPairModel } from './tiny_run.ts';

const scratch = () => mkdtempSync(path.join(tmpdir(), 'moe-fit-'));

describe('estimated before loading, measured after', () => {
  const LONG: Partial<RunSettings> = {
    cacheSlots: 2,
    ignoreEnd: true,
    batch: 2,
    promptCount: 2,
    promptTokens: 8,
    newTokens: 54,
    prompts: { kind: 'texts', texts: ['a prompt as long as it may be'] },
  };
  it.each([
    ['olmoe', 1],
    ['mixtral', 1],
    ['qwen2_moe', 1],
    ['qwen3_moe', 2],
    ['granitemoe', 1],
    ['nllb_moe', 1],
  ] as const)('the ledger of %s on %i devices differs by less than a twentieth', async (name, count) => {
    const { spec, summary } = inspectModel(`test/fixtures/${name}`);
    const model = name === 'nllb_moe' ? tinyPairModel(name) : { ...tinyModel(), spec, summary };
    const settings: RunSettings = { ...TINY, ...LONG, devices: devices(count) };
    const { recording } = await runTiny(settings, [], model);
    const memory = new MeasuredMemory();
    for (const { ledgerBytes, peakBytes } of recording.steps) memory.add(ledgerBytes, peakBytes);
    const check = memory.against(expectedLedger(spec, { ...settings, devices: count }, 2));
    expect(check).toHaveLength(count);
    for (const { difference, estimated, measured } of check) {
      expect(Math.abs(difference)).toBeLessThan(0.05);
      for (const line of ['embedding', 'attention', 'otherDense', 'experts', 'kvCache'])
        expect(measured[line]).toBe(estimated[line]);
    }
  });
});

describe('what fits', () => {
  const settings = { ...DEFAULT_RUN, devices: 1 };
  const inspected = inspectModel('models/demo-lm');
  const fitAt = async (budgetBytes: number) =>
    fitModel(inspected, await chooseDevices([{ id: 'cpu:0', budgetBytes }]), settings, undefined).options[0];

  it('is what a run is started or refused by', async () => {
    const plan = planMemory(inspected.spec, settings);
    const least = plan.fixedBytes + plan.bytesPerSlot;
    expect(await fitAt(least)).toMatchObject({ slotsThatFit: 1, leastBudgetBytes: least });
    expect(await fitAt(least + 3 * plan.bytesPerSlot)).toMatchObject({ slotsThatFit: 4 });
    expect(await fitAt(2 ** 40)).toMatchObject({ slotsThatFit: 64, mostSlots: 64 });
    const none = await fitAt(least - 1);
    expect(none?.slotsThatFit).toBe(0);
    expect(none?.refusal).toMatch(
      /^cpu:0: a budget of .* does not hold the dense part .*; raise budgetBytes to .* or lower/,
    );
  });

  it('adds up with what is stored', () => {
    const { stored } = inspected;
    expect(stored.experts + stored.dense).toBe(inspected.summary.storedBytes);
    // Stored as BF16, held as float32; its layers have 64 experts each.
    const perExpert = inspected.summary.deviceBytes.perExpert;
    expect(stored.perExpert).toBe(perExpert / 2);
    expect(stored.experts).toBe(64 * 8 * stored.perExpert);
  });
});

describe('loading', () => {
  it('is told as it goes, and timed for the next estimate', async () => {
    const dataDir = scratch();
    const fractions: number[] = [];
    const settings = { ...DEFAULT_RUN, promptCount: 1, newTokens: 1 };
    const start = (more: object) =>
      startRun(
        {
          model: openModel('models/demo-lm'),
          ...{
            settings,
            machine: describeMachine(),
            rankEntry: RANK_ENTRY,
            runsDir: path.join(dataDir, 'runs'),
            packsDir: path.join(dataDir, 'packs'),
          },
          progress: (fraction) => fractions.push(fraction),
          loaded: (bytes, ms) => noteLoadRate(dataDir, bytes, ms),
          ...more,
        },
        { frame: () => undefined, changed: () => undefined, warn: () => undefined },
      );
    expect(readLoadRate(dataDir)).toBeUndefined();
    expect(await (await start({})).ended).toBeUndefined();
    const rate = readLoadRate(dataDir);
    expect(rate?.bytesPerSecond).toBeGreaterThan(0);
    for (const fraction of fractions) expect(fraction >= 0 && fraction <= 1).toBe(true);
    // A much smaller load does not replace it, and cancelling leaves nothing behind.
    noteLoadRate(dataDir, (rate?.bytes ?? 0) / 10, 1);
    expect(readLoadRate(dataDir)).toEqual(rate);
    const cancelled = new AbortController();
    cancelled.abort();
    await expect(start({ signal: cancelled.signal })).rejects.toThrow(
      /^start: loading was cancelled; start the run again/,
    );
  });
});
