import { createHash } from 'node:crypto';
import type { MachineInfo } from '../protocol/model.ts';
import { bytesText, count, dateText, percent, figure as threeDigits } from '../report/format.ts';
import { type Markup, markup } from '../report/markup.ts';
import { axisTo, percentLabel } from '../report/panel.ts';
import { REPORT_STYLE } from '../report/report_style.ts';
import { barChart } from '../report/svg/bar_chart.ts';
import { lineChart } from '../report/svg/line_chart.ts';
import { tickStep } from '../report/svg/scale.ts';
import { splitBars } from '../report/svg/split_bars.ts';
import type { Claim } from './claims.ts';
import type { Cell, Column, Drawing, Figure } from './figure.ts';

export interface Reproduction {
  readonly createdAt: string;
  readonly machine: MachineInfo;
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
  /** What scaling, skew and seeds were; whole sentences. */
  readonly notes: readonly string[];
}

const STYLE = `${REPORT_STYLE}
.panel .paper{margin-top:4px;color:var(--dim)}
.panel{min-width:0}
.panel th{white-space:normal;vertical-align:bottom;line-height:16px}
.wide{grid-column:1/-1}
.wide svg{max-width:560px}
.scroll{overflow-x:auto;margin-top:8px}
.panel details{margin-top:8px}
.how{white-space:normal;text-align:left;color:var(--dim);font-size:12px;line-height:16px;padding-left:12px}
.s0{--c:var(--accent)}.s1{--c:var(--device-1)}.s2{--c:var(--device-2)}.s3{--c:var(--device-3)}.s4{--c:var(--device-5)}.s5{--c:var(--device-6)}.s6{--c:var(--device-4)}.s7{--c:var(--device-7)}
svg .dot{fill:var(--c)}
svg .end{fill:var(--dim)}
`;

/** One style sheet, no script, no request. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** The paper's tables and figures beside ours, as one page that opens anywhere. */
export function reproducePage({ createdAt, machine, claims, figures, notes }: Reproduction): string {
  const held = claims.filter(({ holds }) => holds).length;
  const head = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>Reproduction of "Toward Efficient Inference for Mixture of Experts"</title><style>`;
  const body = markup`</style></head><body><main>
<h1>Toward Efficient Inference for Mixture of Experts, reproduced</h1>
<p class="sub">${claims.length > 0 && `${count(held)} of ${count(claims.length)} headline figures reached or beaten · `}${machine.cpu}, ${count(machine.cores)} cores, ${bytesText(machine.memoryBytes)} · ONNX Runtime ${machine.onnxruntime} · ${dateText(createdAt)}</p>
${claims.length > 0 && markup`<h2>Headlines</h2><div class="box">${claimTable(claims)}</div>`}
${figures.length > 0 && markup`<h2>Tables and figures</h2><div class="panels">${figures.map(figurePanel)}</div>`}
<h2>How to read the numbers</h2>
<ul class="notes">${notes.map((note) => markup`<li>${note}</li>`)}</ul>
</main></body></html>
`;
  return head.text + STYLE + body.text;
}

function claimTable(claims: readonly Claim[]): Markup {
  const value = (number: number, unit: Claim['unit']) => `${threeDigits(number)}${unit === 'x' ? 'x' : '%'}`;
  return markup`<table><tr><th>headline</th><th>paper</th><th>ours</th><th></th><th class="how">how</th></tr>${claims.map(
    ({ title, paper, ours, unit, how, holds }) =>
      markup`<tr><td>${title}</td><td>${value(paper, unit)}</td><td>${value(ours, unit)}</td><td class="${holds ? 'good' : 'bad'}">${holds ? 'reached' : 'not reached'}</td><td class="how">${how}</td></tr>`,
  )}</table>`;
}

function figurePanel(figure: Figure): Markup {
  const { title, paper, says, how, on, drawing } = figure;
  const width = figure.columns.length > MOST_NARROW_COLUMNS ? 'panel wide' : 'panel';
  return markup`<section class="${width}"><header><h3>${title}</h3><span class="sub">${on}</span></header>
<p class="paper">Paper: ${paper}</p>${drawing !== undefined && draw(figure, drawing)}${table(figure)}<p>${says} <span class="origin">${how}</span></p></section>`;
}

/** What half the page holds without scrolling sideways. */
const MOST_NARROW_COLUMNS = 6;

/** Longer tables are folded away: the drawing says what they say. */
const MOST_OPEN_ROWS = 14;

function table({ columns, rows, drawing }: Figure): Markup {
  const drawn = drawing?.kind === 'lines' ? drawing.ys : drawing?.kind === 'parts' ? drawing.parts : [];
  const swatch = (index: number) => {
    const place = drawn.indexOf(index);
    return place >= 0 && markup`<span class="swatch s${place % 8}"></span>`;
  };
  const head = columns.map(
    ({ name, unit }, index) => markup`<th>${swatch(index)}${name}${unit !== undefined && `, ${unit}`}</th>`,
  );
  const body = rows.map(
    (row) => markup`<tr>${row.map((cell, index) => markup`<td>${cellText(cell, columns[index])}</td>`)}</tr>`,
  );
  const whole = markup`<div class="scroll"><table><tr>${head}</tr>${body}</table></div>`;
  if (drawing === undefined || rows.length <= MOST_OPEN_ROWS) return whole;
  return markup`<details><summary>${count(rows.length)} rows</summary>${whole}</details>`;
}

function cellText(cell: Cell, column: Column | undefined): string {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  if (column?.unit === '%') return percent(cell / 100);
  return Number.isInteger(cell) ? count(cell) : threeDigits(cell);
}

function draw(figure: Figure, drawing: Drawing): Markup {
  const { title, columns, rows } = figure;
  const number = (cell: Cell | undefined) => (typeof cell === 'number' ? cell : Number.NaN);
  switch (drawing.kind) {
    case 'lines': {
      const xs = rows.map((row) => number(row[drawing.x]));
      const lines = drawing.ys.map((y, index) => ({
        name: columns[y]?.name ?? '',
        colour: `s${index % 8}`,
        values: rows.map((row) => number(row[y])),
      }));
      const most = Math.max(...lines.flatMap(({ values }) => values.filter(Number.isFinite)), 0);
      const max = xs.at(-1) ?? 1;
      return lineChart({
        description: title,
        xs,
        x: {
          min: 0,
          max,
          step: tickStep(max, 8, Number.isInteger(max)),
          label: count,
          name: columns[drawing.x]?.name ?? '',
        },
        y: axisTo(most, 5, drawing.percent ? percentLabel : (value) => threeDigits(value).replace(/\.0+$/, '')),
        lines,
      });
    }
    case 'bars': {
      const values = rows.map((row) => number(row[drawing.value]));
      const bars = rows.map((row, index) => ({
        name: String(row[drawing.name]),
        value: values[index] ?? Number.NaN,
        label: Number.isFinite(values[index]) ? threeDigits(values[index] ?? 0) : 'does not fit',
        title: `${String(row[drawing.name])}: ${threeDigits(values[index] ?? Number.NaN)}`,
        group: drawing.group === undefined ? '' : String(row[drawing.group]),
      }));
      const most = Math.max(...values.filter(Number.isFinite), 0);
      return barChart(title, bars, axisTo(most, 5, threeDigits), '', 'idle');
    }
    case 'parts':
      return splitBars(
        title,
        rows.map((row) => ({
          name: String(row[drawing.name]),
          total: threeDigits(drawing.parts.reduce((sum, part) => sum + (number(row[part]) || 0), 0)),
          parts: drawing.parts.map((part, index) => ({
            value: number(row[part]) || 0,
            title: `${columns[part]?.name ?? ''}: ${threeDigits(number(row[part]))}`,
            colour: `s${index % 8}`,
          })),
        })),
      );
  }
}
