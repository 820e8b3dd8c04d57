import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { levelTokens, splitEqually } from '../../engine/balancing/levelling.ts';
import { contiguous } from '../../engine/balancing/placement.ts';
import { eplbReplicas } from '../../engine/balancing/replicas.ts';
import { checkReplicated, copiesOf, type ReplicatedPlacement } from '../../engine/balancing/replicated.ts';
import { scorePlacement } from '../../engine/balancing/score.ts';
import { scoreReplicated } from '../../engine/balancing/score_replicated.ts';
import { devices, history } from './histories.ts';

const OPTIONS = { redundant: 3, groups: 1, nodes: 1 };
const SPLITS = { splitEqually, levelTokens };

/** Any placement with replicas, two copies on one device included, and one batch's tokens. */
const replicated = fc
  .record({
    devices: fc.integer({ min: 1, max: 5 }),
    slotsPerDevice: fc.integer({ min: 1, max: 5 }),
    experts: fc.integer({ min: 1, max: 12 }),
  })
  .filter(({ devices: count, slotsPerDevice, experts }) => count * slotsPerDevice >= experts)
  .chain(({ devices: count, slotsPerDevice, experts }) => {
    const slots = count * slotsPerDevice;
    return fc
      .record({
        extra: fc.array(fc.nat(experts - 1), { minLength: slots - experts, maxLength: slots - experts }),
        tokens: fc.array(fc.nat(40), { minLength: experts, maxLength: experts }),
        order: fc.shuffledSubarray([...Array(slots).keys()], { minLength: slots, maxLength: slots }),
      })
      .map(({ extra, tokens, order }) => {
        const filled = [...Array(experts).keys(), ...extra];
        const row = Uint16Array.from(order, (at) => filled[at] ?? 0);
        const placement: ReplicatedPlacement = { devices: count, slotsPerDevice, experts, expertOf: [row] };
        return { placement, tokens };
      });
  });

/** Token by token, as the definition says. */
function levelByHand({ devices: count, slotsPerDevice, expertOf }: ReplicatedPlacement, tokens: number[]): number[] {
  const load = new Array<number>(count).fill(0);
  const hosts = tokens.map((_, expert) => [
    ...new Set(
      [...(expertOf[0] ?? [])].flatMap((held, slot) => (held === expert ? [Math.floor(slot / slotsPerDevice)] : [])),
    ),
  ]);
  const order = [...hosts.keys()].sort((a, b) => (hosts[a]?.length ?? 0) - (hosts[b]?.length ?? 0) || a - b);
  for (const expert of order) {
    for (let token = 0; token < (tokens[expert] ?? 0); token++) {
      const [first = 0, ...rest] = hosts[expert] ?? [];
      const to = rest.reduce((best, device) => ((load[device] ?? 0) < (load[best] ?? 0) ? device : best), first);
      load[to] = (load[to] ?? 0) + 1;
    }
  }
  return load;
}

describe('levelling', () => {
  it('loads devices as giving each token to its least loaded copy does', () => {
    fc.assert(
      fc.property(replicated, ({ placement, tokens }) => {
        checkReplicated(placement);
        const perSlot = new Float64Array(placement.devices * placement.slotsPerDevice).fill(99);
        levelTokens(tokens, copiesOf(placement, 0), perSlot);
        const load = new Array<number>(placement.devices).fill(0);
        for (const [slot, amount] of perSlot.entries()) {
          expect(Number.isInteger(amount)).toBe(true);
          const device = Math.floor(slot / placement.slotsPerDevice);
          load[device] = (load[device] ?? 0) + amount;
        }
        expect(load).toEqual(levelByHand(placement, tokens));
      }),
      { numRuns: 500 },
    );
  });

  it('loses no token of any expert, levelled or split equally', () => {
    fc.assert(
      fc.property(replicated, ({ placement, tokens }) => {
        for (const split of Object.values(SPLITS)) {
          const perSlot = new Float64Array(placement.devices * placement.slotsPerDevice);
          split(tokens, copiesOf(placement, 0), perSlot);
          const got = tokens.map(() => 0);
          for (const [slot, expert] of (placement.expertOf[0] ?? []).entries())
            got[expert] = (got[expert] ?? 0) + (perSlot[slot] ?? 0);
          for (const [expert, amount] of got.entries()) expect(amount).toBeCloseTo(tokens[expert] ?? Number.NaN, 9);
        }
      }),
    );
  });
});

describe('EPLB from a history', () => {
  it.each(Object.entries(SPLITS))(
    'has every expert, equal slots, and is never worse than contiguous (law 7): %s',
    (_, split) => {
      fc.assert(
        fc.property(history, devices, (past, count) => {
          const placement = eplbReplicas(past, count, OPTIONS, split);
          checkReplicated(placement);
          expect(placement.expertOf.length).toBe(past.layers);
          const slots = placement.slotsPerDevice * count;
          expect(slots).toBeGreaterThanOrEqual(past.experts);
          if (past.experts % count === 0) expect(slots - past.experts).toBe(Math.floor(3 / count) * count);
          if (past.experts < count) return;
          const plain = contiguous(past.layers, past.experts, count);
          for (let layer = 0; layer < past.layers; layer++) {
            const after = scoreReplicated(past, placement, split, layer);
            // An equal split of 1000 tokens in three adds up to 1000 but for rounding.
            expect(after.avgMaxLoad).toBeLessThanOrEqual(scorePlacement(past, plain, layer).avgMaxLoad + 1e-12);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  it('is refused where it is not a placement', () => {
    const make = (...slots: number[]) => ({
      devices: 2,
      slotsPerDevice: 2,
      experts: 3,
      expertOf: [Uint16Array.from(slots)],
    });
    expect(() => checkReplicated(make(0, 1, 2, 0))).not.toThrow();
    expect(() => checkReplicated(make(0, 1, 1, 0))).toThrow('layer 0 has no slot for expert 2');
    expect(() => checkReplicated(make(0, 1, 2, 3))).toThrow('layer 0, slot 3 holds expert 3 of 3');
    expect(() => checkReplicated(make(0, 1, 2))).toThrow('layer 0 has 3 slots');
  });
});
