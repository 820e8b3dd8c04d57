import { describe, expect, it } from 'vitest';
import { curveGap, expertCacheBytes, predict } from '../../../src-renderer/inspector/prediction.ts';
import { missCurve } from './miss_curve_example.ts';

describe('predict', () => {
  const curve = missCurve({ rate: (slots) => 1 / slots });

  it('reads the curve and projects the speed from it', () => {
    const at10 = predict(curve, 10);
    expect(at10?.hitRate).toBeCloseTo(0.9, 6);
    expect(at10?.missesPerStep).toBeCloseTo(10, 5);
    // 8 tokens in 5 ms + 10 loads of 0.5 ms.
    expect(at10?.tokensPerSecond).toBeCloseTo(800, 3);
  });

  it('goes straight between points and level beyond the ends', () => {
    const sparse = {
      ...curve,
      slots: Int32Array.of(4, 8),
      missRate: Float32Array.of(0.5, 0.25),
      missesPerStep: Float32Array.of(4, 2),
    };
    expect(predict(sparse, 6)?.hitRate).toBeCloseTo(0.625, 6);
    expect(predict(sparse, 1)?.hitRate).toBe(0.5);
    expect(predict(sparse, 64)?.missesPerStep).toBe(2);
  });

  it('has nothing to say of an empty curve', () => {
    expect(
      predict(
        { ...curve, slots: new Int32Array(), missRate: new Float32Array(), missesPerStep: new Float32Array() },
        3,
      ),
    ).toBeUndefined();
  });
});

describe('curveGap', () => {
  it('is nothing where replay and caches agree, and the difference where they do not', () => {
    const rate = (slots: number) => 1 / slots;
    expect(curveGap(missCurve({ rate }), 64)).toBeCloseTo(0, 6);
    const off = missCurve({
      rate,
      measured: { slots: 'all', missRate: 0.5, fromStep: 0, toStep: 100, sinceStart: true, tokensPerSecond: 800 },
    });
    expect(curveGap(off, 64)).toBeCloseTo(0.5 - 1 / 64, 6);
  });

  it('compares the same steps only', () => {
    const curve = missCurve({
      rate: () => 0.1,
      measured: { slots: 24, missRate: 0.9, fromStep: 50, toStep: 100, sinceStart: false, tokensPerSecond: 800 },
    });
    expect(curveGap(curve, 64)).toBeUndefined();
  });
});

it('counts every slot of every layer', () => {
  expect(expertCacheBytes(24, 8, 1000)).toBe(192_000);
});
