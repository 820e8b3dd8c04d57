import { describe, expect, it } from 'vitest';
import { bytesText, byteUnit, scaleBytes } from '../../src-renderer/format/bytes.ts';
import { toCsv } from '../../src-renderer/format/csv.ts';
import { count, fixed, percent, percentText, tile } from '../../src-renderer/format/numbers.ts';
import { agoText, msText, spanText } from '../../src-renderer/format/time.ts';
import { list, plural } from '../../src-renderer/format/words.ts';

describe('numbers', () => {
  it('keep their decimals, so that live values do not change width', () => {
    expect([fixed(1.5, 2), fixed(2, 2), fixed(1234.5, 1), fixed(-0.001, 1)]).toEqual([
      '1.50',
      '2.00',
      '1,234.5',
      '0.0',
    ]);
  });

  it('have three significant digits in tiles', () => {
    expect([0.561, 7.1234, 9.996, 39.06, 99.96, 1412.4].map(tile)).toEqual([
      '0.56',
      '7.12',
      '10.0',
      '39.1',
      '100',
      '1,412',
    ]);
  });

  it('write shares in percent', () => {
    expect([percent(0.9171), percentText(0.083), percentText(0.5), percentText(1)]).toEqual([
      '91.7',
      '8.3%',
      '50%',
      '100%',
    ]);
  });

  it('count things', () => {
    expect([count(1284), plural(1, 'step'), plural(1284, 'step'), plural(0, 'query', 'queries')]).toEqual([
      '1,284',
      '1 step',
      '1,284 steps',
      '0 queries',
    ]);
    expect([list([]), list(['a']), list(['a', 'b']), list(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
  });
});

describe('bytes', () => {
  it('are counted in powers of 1024', () => {
    const MIB = 2 ** 20;
    expect([0, 1, 1023, 1024, 71.4 * MIB, 96 * MIB, 8 * 2 ** 30].map(bytesText)).toEqual([
      '0 B',
      '1 B',
      '1,023 B',
      '1 KiB',
      '71.4 MiB',
      '96 MiB',
      '8 GiB',
    ]);
  });

  it('can be held to one unit', () => {
    expect(byteUnit(5 * 2 ** 30)).toBe('GiB');
    expect(scaleBytes(512 * 2 ** 20, 'GiB')).toEqual({ value: '0.50', unit: 'GiB' });
  });
});

describe('times', () => {
  it('choose their unit', () => {
    expect([0, 0.0123, 0.412, 0.9999, 1.24, 81.6, 999.6, 2500].map(msText)).toEqual([
      '0 ms',
      '12.3 µs',
      '412 µs',
      '1.00 ms',
      '1.24 ms',
      '81.6 ms',
      '1.00 s',
      '2.50 s',
    ]);
  });

  it('write spans and ages as people say them', () => {
    expect([15_000, 60_000, 90_000, 150_000, 300_000, 7_500_000].map(spanText)).toEqual([
      '15 s',
      '60 s',
      '90 s',
      '2 min 30 s',
      '5 min',
      '2 h 5 min',
    ]);
    expect([0, -12_340, -200_000].map(agoText)).toEqual(['-0.0 s', '-12.3 s', '-3:20']);
  });
});

describe('toCsv', () => {
  it('quotes what needs quoting', () => {
    expect(toCsv(['a', 'b, c'], [[1.25, 'say "x"']])).toBe('a,"b, c"\r\n1.25,"say ""x"""\r\n');
  });
});
