import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { claim, PAPER_CLAIMS } from '../../engine/reproduce/claims.ts';
import type { Figure } from '../../engine/reproduce/figure.ts';
import { NOTES } from '../../engine/reproduce/notes.ts';
import { reproducePage } from '../../engine/reproduce/page.ts';
import { PARTS } from '../../engine/reproduce/parts.ts';

const figure: Figure = {
  id: 'x',
  title: 'A <figure>',
  paper: 'theirs',
  says: 'ours',
  how: 'measured',
  on: 'a test',
  columns: [{ name: 'batch' }, { name: 'static', unit: 'tok/s' }, { name: 'dynamic', unit: 'tok/s' }],
  rows: [
    [1, 10, 60],
    [8, null, 70],
  ],
  drawing: { kind: 'lines', x: 0, ys: [1, 2] },
};

describe('reproduction', () => {
  it('settles every claim of the paper in exactly one part', () => {
    const settled = PARTS.flatMap(({ claims }) => claims);
    expect([...settled].sort()).toEqual(Object.keys(PAPER_CLAIMS).sort());
  });

  it('says that a claim holds only where the paper is reached', () => {
    expect(claim('lm.dynamic_over_static', 6.21, 'measured', 'x').holds).toBe(true);
    expect(claim('lm.dynamic_over_static', 6.2, 'measured', 'x').holds).toBe(false);
    expect(claim('lm.dynamic_over_static', Number.NaN, 'measured', 'x').holds).toBe(false);
  });

  it('is a page that needs nothing else and escapes what it shows', () => {
    const claims = [claim('lm.dynamic_over_static', 12, 'measured', 'a test')];
    const html = reproducePage({
      createdAt: '2026-01-02T03:04:05Z',
      machine: describeMachine(),
      claims,
      figures: [figure],
      notes: NOTES,
    });
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(html.replaceAll('&#39;', "'")).toContain(`style-src 'sha256-${hash}'`);
    expect(html).toContain('A &lt;figure&gt;');
    expect(html).not.toMatch(/<script|https?:/);
    // A bar that does not fit is a dash in the table and no point in the drawing.
    expect(html.match(/class="dot/g)).toHaveLength(3);
    expect(html).toContain('<td>–</td>');
  });
});
