import { z } from 'zod';
import { EngineRefusal } from '../api.ts';
import type { TraceShape } from './trace.ts';

/** What a trace file says about itself. */
export interface TraceMeta extends TraceShape {
  readonly model: string;
  /** Block index of each MoE layer [moeLayers], where the file tells. */
  readonly blocks?: readonly number[];
  /** Bytes of one expert [moeLayers]. */
  readonly expertBytes?: readonly number[];
  readonly source?: string;
  readonly licence?: string;
  readonly notes?: string;
}

/** More than any model has; a file that claims more would only make the reader allocate. */
const MOST_LAYERS = 1024;
const MOST_CHOICES = 256;

const Blocks = z.array(z.int().min(0)).min(1).max(MOST_LAYERS);
const head = { schema: z.literal('moe-trace'), version: z.literal(1) };
const experts = z.int().min(1).max(0xffff);
const topK = z.int().min(1).max(MOST_CHOICES);
const extra = {
  expert_bytes: z.array(z.number().min(0)).optional(),
  licence: z.string().optional(),
  notes: z.string().optional(),
};

const FlatMeta = z.object({
  ...head,
  ...extra,
  model: z.string(),
  moe_layers: z.int().min(1).max(MOST_LAYERS),
  experts,
  top_k: topK,
  blocks: Blocks.optional(),
  source: z.string().optional(),
});

const NestedMeta = z.object({
  ...head,
  ...extra,
  model: z.object({ id: z.string(), moe_layers: Blocks, experts, top_k: topK }),
  source: z.object({ engine: z.string() }).optional(),
});

/**
 * Reads a meta line: flat (`"model":"NAME","moe_layers":16,...`), or the interchange form in which `model` is an object and
 * `moe_layers` lists block indices. Unknown keys are ignored.
 * @throws EngineRefusal naming the field
 */
export function parseTraceMeta(value: unknown, file: string): TraceMeta {
  const nested = typeof (value as { model?: unknown } | null)?.model === 'object';
  const parsed = nested ? NestedMeta.safeParse(value) : FlatMeta.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join('.') || 'the line';
    throw new EngineRefusal(
      `${file}: line 1 is not the meta line of a moe-trace 1 file (${field}: ${issue?.message}); choose a trace, or export it again.`,
    );
  }
  const meta = normalise(parsed.data);
  if (meta.topK > meta.experts)
    throw new EngineRefusal(
      `${file}: line 1: top_k ${meta.topK} is above experts ${meta.experts}; correct it or export the trace again.`,
    );
  for (const [field, list] of [
    ['blocks', meta.blocks],
    ['expert_bytes', meta.expertBytes],
  ] as const) {
    if (list !== undefined && list.length !== meta.moeLayers) {
      throw new EngineRefusal(
        `${file}: line 1: ${field} has ${list.length} entries for ${meta.moeLayers} MoE layers; correct it or export the trace again.`,
      );
    }
  }
  return meta;
}

function normalise(data: z.infer<typeof FlatMeta> | z.infer<typeof NestedMeta>): TraceMeta {
  const { expert_bytes: expertBytes, licence, notes } = data;
  const rest = defined({ expertBytes, licence, notes });
  if (typeof data.model === 'object') {
    const { id, moe_layers: blocks, experts, top_k: topK } = data.model;
    const { source } = data as z.infer<typeof NestedMeta>;
    return {
      model: id,
      moeLayers: blocks.length,
      experts,
      topK,
      blocks,
      ...defined({ source: source?.engine }),
      ...rest,
    };
  }
  const { model, moe_layers: moeLayers, experts, top_k: topK, blocks, source } = data as z.infer<typeof FlatMeta>;
  return { model, moeLayers, experts, topK, ...defined({ blocks, source }), ...rest };
}

/** The meta line, flat form. */
export function formatTraceMeta(meta: TraceMeta): string {
  const { model, moeLayers, experts, topK, blocks, source, licence, expertBytes, notes } = meta;
  return JSON.stringify({
    type: 'meta',
    schema: 'moe-trace',
    version: 1,
    model,
    moe_layers: moeLayers,
    experts,
    top_k: topK,
    blocks,
    source,
    licence,
    expert_bytes: expertBytes,
    notes,
  });
}

/** Without the keys whose value is undefined: a meta read back equals the one written. */
function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
