/** The panels of the Gating lab as tables, whole values for the CSV. */
import type { GatingRow, GatingTable } from '../../../engine/protocol/labs.ts';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { bytesText } from '../../format/bytes.ts';
import { count, percentText, plain } from '../../format/numbers.ts';
import { PHASE_NAMES } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import type { TableCell, TableData } from '../../labs/table_data.ts';
import { batchesOf, byCapacity, throughputLines } from './gating_layout.ts';
import { droppedShare } from './gating_sentences.ts';

const cell = (value: number, text: (value: number) => string): TableCell => ({ text: text(value), value });

const STACKS = ['encoder', 'decoder'] as const;

/** Encoder and decoder apart, where the model has experts in both. */
const stackColumns = ({ rows }: GatingTable): TableData['columns'] =>
  rows.some(({ stacks }) => stacks !== undefined)
    ? STACKS.flatMap((stack) => [
        { title: `${stack} slots`, unit: 'rows a layer and step' },
        { title: `${stack} dropped`, unit: 'pairs a layer and step' },
        { title: `${stack} waste factor` },
      ])
    : [];

const stackCells = ({ stacks }: GatingRow): TableCell[] =>
  stacks === undefined
    ? []
    : STACKS.flatMap((stack) => [
        cell(stacks[stack].slots, plain),
        cell(stacks[stack].droppedPairs, plain),
        cell(stacks[stack].wasteFactor, plain),
      ]);

export const slotsTable = (table: GatingTable): TableData => ({
  columns: [
    { title: 'Policy', isText: true },
    { title: 'slots', unit: 'rows a layer and step' },
    { title: 'real', unit: 'rows a layer and step' },
    { title: 'padding', unit: 'rows a layer and step' },
    { title: 'dropped', unit: 'pairs a layer and step' },
    { title: 'dropped share', unit: '0..1' },
    { title: 'waste factor' },
    { title: 'exchanged', unit: 'bytes a layer and step' },
    ...stackColumns(table),
  ],
  rows: table.rows.map((row) => ({
    key: row.policy,
    cells: [
      { text: row.title },
      cell(row.slots, plain),
      cell(row.realRows, plain),
      cell(row.paddingRows, plain),
      cell(row.droppedPairs, plain),
      cell(droppedShare(row), percentText),
      cell(row.wasteFactor, plain),
      cell(row.exchangedBytes, bytesText),
      ...stackCells(row),
    ],
  })),
});

export const timeTable = ({ rows }: GatingTable): TableData => ({
  columns: [
    { title: 'Policy', isText: true },
    { title: 'step', unit: 'ms' },
    ...STEP_PHASES.map((phase) => ({ title: PHASE_NAMES[phase], unit: 'ms' })),
  ],
  rows: rows.map((row) => ({
    key: row.policy,
    cells: [
      { text: row.title },
      cell(row.stepMs, msText),
      ...STEP_PHASES.map((phase) => cell(row.phaseMs[phase], msText)),
    ],
  })),
});

export const memoryTable = ({ rows }: GatingTable): TableData => ({
  columns: [
    { title: 'Policy', isText: true },
    { title: 'peak', unit: 'bytes' },
    { title: 'activation at the peak', unit: 'bytes' },
  ],
  rows: rows.map((row) => ({
    key: row.policy,
    cells: [{ text: row.title }, cell(row.peakBytes, bytesText), cell(row.activationBytes, bytesText)],
  })),
});

export const throughputTable = (table: GatingTable): TableData => ({
  columns: [
    { title: 'Policy', isText: true },
    ...batchesOf(table).map((batch) => ({ title: `batch ${batch}`, unit: 'tok/s' })),
  ],
  rows: throughputLines(table).map(({ policy, title, tokensPerSecond }) => ({
    key: policy,
    cells: [
      { text: title },
      ...tokensPerSecond.map((value) => (value === null ? { text: 'does not fit' } : cell(value, count))),
    ],
  })),
});

export const qualityTable = (table: GatingTable): TableData => ({
  columns: [{ title: 'capacity C' }, { title: 'perplexity' }, { title: 'dropped', unit: '0..1' }],
  rows: byCapacity(table).map(({ capacity, perplexity, droppedShare: dropped }) => ({
    key: String(capacity),
    cells: [cell(capacity, plain), cell(perplexity, plain), cell(dropped, percentText)],
  })),
});
