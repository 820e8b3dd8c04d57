import type { GraphParts } from './parts.ts';

/**
 * How a product of hidden states and a weight W [out, in] is computed, y = W x for every token.
 *
 * The CPU kernel packs the right operand of a product and reads the left one where it lies. Tokens may be either: rows [n, in], with W on
 * the right, or columns [in, n], with W on the left.
 * - Small matrices: rows, W packed when the session is made. They are copied in no time, and stay in the processor's cache.
 * - Large ones are used in place, in the mapped file where there is one: an expert of 25 MB is there in 1.5 ms instead of 36, and
 *   its memory is the file's. Up to `COLUMNS_MOST` tokens are columns: reading W once is all there is to do then (1 token takes half
 *   the time of packed panels, which are padded for it; 8 tokens three quarters). More are rows again, and W is packed a strip at a time
 *   within the call: from 48 tokens on that costs 5% against panels packed before, where columns would cost 25%.
 */
const SMALL_FLOATS = 2 ** 18;
const COLUMNS_MOST = 32;
/** Stretches of a blob begin on cache lines: matrices of whole lines lie the same whether they stand apart or are stacked. */
const LINE_FLOATS = 16;

/** What `inPlace` lays out. */
interface Laid {
  /** Width of the input's last dimension and of the output's. */
  readonly features: { readonly in: number; readonly out: number };
  /** Floats of the smallest matrix among the products. */
  readonly floats: number;
  /** Whether the input has two dimensions [n, in]; more otherwise. */
  readonly flat: boolean;
}

/**
 * Writes products of one input, both ways where the matrices are large.
 * @param write the products, of hidden states that lie as its parts say; called once or twice
 * @returns their result, as rows
 */
export function inPlace(
  parts: GraphParts,
  { features, floats, flat }: Laid,
  input: string,
  write: (parts: GraphParts, input: string, output?: string) => string,
  output?: string,
): string {
  if (!parts.largeInPlace || floats < SMALL_FLOATS || floats % LINE_FLOATS > 0)
    return write({ ...parts, largeInPlace: false }, input, output);
  const { builder } = parts;
  const few = builder.once('Less', [builder.once('Size', [input]), builder.int64s([(COLUMNS_MOST + 1) * features.in])]);
  const turned = { perm: [1, 0] };
  const asColumns = () => {
    const rows = flat ? input : builder.node('Reshape', [input, builder.int64s([-1, features.in])]);
    const made = write({ ...parts, lie: 'columns' }, builder.node('Transpose', [rows], turned));
    const back = builder.node('Transpose', [made], turned);
    if (flat) return back;
    const leading = builder.node('Shape', [input], { start: 0, end: -1 });
    const shape = builder.node('Concat', [leading, builder.int64s([features.out])], { axis: 0 });
    return builder.node('Reshape', [back, shape]);
  };
  return builder.either(few, asColumns, () => write(parts, input), output);
}
