import type { PositionSpec } from '../families/attention_spec.ts';
import type { GraphBuilder } from './onnx.ts';

type Rope = Extract<PositionSpec, { kind: 'rope' }>;

/**
 * Rotary positions of vectors [B, heads, S, D]. cos and sin come in per step instead of as tables: no table of contextTokens rows in
 * every layer's session.
 * inputs: cos/sin [B*S, D/2], positions [B, S] (rows of cos and sin)
 * @returns a function that rotates one tensor
 */
export function rotary(builder: GraphBuilder, { inverseFrequency, interleaved }: Rope) {
  const half = inverseFrequency.length;
  builder.input('cos', 'float32', ['N', half]);
  builder.input('sin', 'float32', ['N', half]);
  builder.input('positions', 'int64', ['B', 'S']);
  return (input: string, output?: string) =>
    builder.node(
      'ContribRotaryEmbedding',
      [input, 'positions', 'cos', 'sin'],
      { interleaved: interleaved ? 1 : 0 },
      output,
    );
}
