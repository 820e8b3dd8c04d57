import { expect, it } from 'vitest';
import { lineChart } from '../../engine/report/svg/line_chart.ts';

it('a line without values leaves the names of the others where their lines end', () => {
  const axis = { min: 0, max: 10, step: 5, label: String };
  const line = (name: string, values: readonly number[]) => ({ name, colour: 'c0', values });
  const shown = [line('rises', [1, 9]), line('falls', [9, 1])];
  const draw = (lines: typeof shown) =>
    lineChart({ description: '', xs: [0, 10], x: { ...axis, name: 'batch' }, y: axis, lines }).text;
  const svg = draw(shown.flatMap((shown) => [line('nothing', [Number.NaN, Number.NaN]), shown]));
  expect(svg).not.toContain('NaN');
  expect(svg).not.toContain('nothing');
  expect(svg).toContain('>rises</text>');
  expect(svg.match(/class="end[^>]*>[^<]*/g)).toEqual(draw(shown).match(/class="end[^>]*>[^<]*/g));
});
