import fs from 'node:fs';
import { it } from 'vitest';
import { reportHtml } from '../../engine/report/report_html.ts';
import { barChart } from '../../engine/report/svg/bar_chart.ts';
import { timeChart } from '../../engine/report/svg/time_chart.ts';
import { REPORT_STYLE } from '../../engine/report/report_style.ts';
import { syntheticRun } from './synthetic_run.ts';
it('draws', () => {
  fs.writeFileSync('/tmp/scratch/report2.html', reportHtml(syntheticRun()));
  fs.writeFileSync('/tmp/scratch/report1.html', reportHtml(syntheticRun({ devices: 1, steps: 90, complete: false })));
  const bars = (n: number, groups: number) => barChart('d', Array.from({ length: n }, (_, i) => ({ name: String(i % (n / groups)), value: 100 + (i * 37) % 120, label: String(100 + (i * 37) % 120), title: 't', group: i < n / groups ? 'encoder' : 'decoder', spread: { low: 90 + (i * 37) % 120, high: 120 + (i * 37) % 120 } })), { min: 0, max: 256, step: 64, label: String }, 'layer', 'idle').text;
  const n = 1;
  const time = (n: number, marks: number, ms: number) => timeChart({ description: 'x', endMs: Array.from({ length: n }, (_, i) => ((i + 1) * ms) / n), y: { min: 0, max: 1, step: 0.2, label: (v) => String(Math.round(v * 100)) }, lines: Array.from({ length: 8 }, (_, d) => ({ name: `cpu:${d}`, colour: `d${d}`, values: Array.from({ length: n }, (_, i) => (i % 7 === 3 && d === 2 ? Number.NaN : 0.1 * d + 0.05 * Math.sin(i + d))) })), level: { name: 'even', value: 0.125, kind: 'reference' }, marks: Array.from({ length: marks }, (_, i) => ({ atMs: (ms * (i + 1)) / (marks + 4), label: `${i} to ${i + 1} slots`, number: String(i + 2) })) }).text;
  fs.writeFileSync('/tmp/scratch/charts.html', `<meta charset=utf-8><style>${REPORT_STYLE}</style><main><div class=panels>${[bars(58, 1), bars(24, 2), bars(1, 1), bars(94, 1), time(1, 0, 900), time(200, 30, 9_000_000), time(40, 12, 400_000), time(3, 2, 12)].map((c) => `<section class=panel>${c}</section>`).join('')}</div></main>`);
  void n;
});
