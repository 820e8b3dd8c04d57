import type { ActivationName, ExpertSpec } from '../families/spec.ts';
import { inPlace } from './in_place.ts';
import type { AttributeValue, GraphBuilder } from './onnx.ts';
import { type GraphParts, product } from './parts.ts';

/**
 * Feed-forward of one expert or of a dense layer: swiglu is down( silu(gate x) * up x ), mlp is second( act(first x + b) ) + b,
 * clamped-swiglu as `ExpertSpec` has it. silu is QuickGelu with alpha 1 (x * sigmoid(1 x)), one node instead of two. Written fused by
 * hand so that sessions load without the optimiser, which would cost more than the load itself.
 * @param rank of the input: 2 for an expert's rows [n, hidden], 3 inside a layer [B, S, hidden]
 */
export function feedForward(
  parts: GraphParts,
  expert: ExpertSpec,
  width: number,
  input: string,
  rank: 2 | 3,
  output?: string,
): string {
  const { hidden } = parts;
  const flat = rank === 2;
  const write = (side: GraphParts, x: string, out?: string) => products(side, expert, width, x, flat, out);
  return inPlace(parts, { features: { in: hidden, out: hidden }, floats: hidden * width, flat }, input, write, output);
}

/** The products, of hidden states that lie as `parts` say. */
function products(
  parts: GraphParts,
  expert: ExpertSpec,
  width: number,
  input: string,
  flat: boolean,
  output?: string,
): string {
  const { builder, hidden } = parts;
  if (expert.kind === 'swiglu') {
    const [gate, up] = gateAndUp(parts, expert, width, input, flat);
    const inner = builder.node('Mul', [activate(builder, 'silu', gate), up]);
    return product(parts, 'down', { rows: hidden, columns: width, refs: [expert.down] }, inner, output, flat);
  }
  if (expert.kind === 'clamped-swiglu') {
    const into = { rows: 2 * width, columns: hidden, refs: [expert.gateUp], bias: [expert.gateUpBias] };
    const outOf = { rows: hidden, columns: width, refs: [expert.down], bias: [expert.downBias] };
    const inner = clampedSwiglu(parts, expert, product(parts, 'gate_up', into, input, undefined, flat));
    return product(parts, 'down', outOf, inner, output, flat);
  }
  const { first, firstBias, second, secondBias, activation } = expert;
  const into = { rows: width, columns: hidden, refs: [first], ...(firstBias && { bias: [firstBias] }) };
  const outOf = { rows: hidden, columns: width, refs: [second], ...(secondBias && { bias: [secondBias] }) };
  const inner = product(parts, 'first', into, input, undefined, flat);
  return product(parts, 'second', outOf, activate(builder, activation, inner), output, flat);
}

/**
 * One product over stacked rows, which halves the calls; two where weights are used in place: the matrices may lie apart in the
 * checkpoint, and nothing is split after.
 */
function gateAndUp(
  parts: GraphParts,
  { gate, up }: Extract<ExpertSpec, { kind: 'swiglu' }>,
  width: number,
  input: string,
  flat: boolean,
): readonly [string, string] {
  const { builder, hidden } = parts;
  if (parts.largeInPlace) {
    const of = (name: string, ref: typeof gate) =>
      product(parts, name, { rows: width, columns: hidden, refs: [ref] }, input, undefined, flat);
    return [of('gate', gate), of('up', up)];
  }
  const refs = [
    { ...gate, rows: width },
    { ...up, rows: width },
  ];
  const projected = product(parts, 'gate_up', { rows: 2 * width, columns: hidden, refs }, input, undefined, flat);
  const halves = builder.nodeOutputs('Split', [projected], ['gate', 'up'], { axis: -1, num_outputs: 2 });
  return halves as [string, string];
}

/** (up + 1) * gate * sigmoid(alpha gate) of features that alternate gate, up; see `ExpertSpec`. */
function clampedSwiglu(
  { builder, lie }: GraphParts,
  { limit, alpha }: { readonly limit: number; readonly alpha: number },
  gateUp: string,
): string {
  const axis = lie === 'columns' ? 0 : -1;
  const everySecond = (from: number) =>
    builder.node('Slice', [gateUp, ...[from, 2 ** 31 - 1, axis, 2].map((value) => builder.int64s([value]))]);
  const gate = builder.node('Clip', [everySecond(0), '', builder.float(limit)]);
  const up = builder.node('Clip', [everySecond(1), builder.float(-limit), builder.float(limit)]);
  const activated = builder.node('QuickGelu', [gate], { alpha: { float: alpha } });
  return builder.node('Mul', [builder.node('Add', [up, builder.float(1)]), activated]);
}

const ACTIVATIONS: Record<
  ActivationName,
  { readonly op: string; readonly attributes?: Record<string, AttributeValue> }
> = {
  relu: { op: 'Relu' },
  gelu: { op: 'Gelu' },
  'gelu-tanh': { op: 'Gelu', attributes: { approximate: 'tanh' } },
  silu: { op: 'QuickGelu', attributes: { alpha: { float: 1 } } },
};

function activate(builder: GraphBuilder, name: ActivationName, input: string): string {
  const { op, attributes } = ACTIVATIONS[name];
  return builder.node(op, [input], attributes);
}
