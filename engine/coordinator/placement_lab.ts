import { EngineRefusal } from '../api.ts';
import { exportPlacement } from '../balancing/export.ts';
import { toSlots } from '../balancing/slots.ts';
import type { PlacementExport, PlacementExportParams, PlacementLabParams, PlacementTable } from '../protocol/labs.ts';
import type { Pace } from '../replay/pace.ts';
import { placeByWhole, placementTable } from '../replay/placement_table.ts';
import type { LabMaterial } from './lab_source.ts';
import { measuredPace } from './placement_pace.ts';

/**
 * Placements compared on what a source recorded.
 * @throws EngineRefusal where devices, nodes and groups do not fit the model, or the source is too short to be halved
 */
export async function placementLab(
  { subject, trace, recording }: LabMaterial,
  params: PlacementLabParams,
  pace: Pace,
): Promise<PlacementTable> {
  checkShape(trace.experts, params);
  const table = await placementTable(trace, subject, params, pace, recording && measuredPace(recording));
  if (table.history.batches === 0) {
    throw new EngineRefusal(
      `batchTokens: ${subject.name} has ${table.scored.batches} batches of ${table.batchTokens} tokens, too few to make a placement from one half and score it on the other; choose fewer tokens a batch.`,
    );
  }
  return table;
}

/** A placement made from the whole source, in another engine's form. */
export function placementExport(material: LabMaterial, params: PlacementExportParams): PlacementExport {
  const { subject, trace, blockCount } = material;
  checkShape(trace.experts, params);
  const { method, format } = params;
  const blocks = subject.moeLayers.map(({ block }) => block);
  if (format === 'sglang' && subject.moeLayers.some(({ stack }) => stack === 'encoder')) {
    throw new EngineRefusal('format: SGLang has no place for the experts of an encoder; choose eplb or vllm-ascend.');
  }
  const table = toSlots(placeByWhole(trace, method, params));
  return {
    fileName: `${subject.name.replace(/(\.jsonl)?(\.gz)?$/, '')}-${method}-${params.devices}.${format}.json`,
    content: exportPlacement(format, table, blocks, blockCount),
  };
}

function checkShape(experts: number, { devices, groups, nodes }: PlacementLabParams): void {
  if (experts < devices) {
    throw new EngineRefusal(`devices: ${experts} experts cannot stand on ${devices} devices; choose fewer.`);
  }
  if (devices % nodes !== 0) {
    throw new EngineRefusal(`nodes: ${devices} devices do not divide over ${nodes} nodes; choose another number.`);
  }
  if (experts % groups !== 0) {
    throw new EngineRefusal(`groups: ${experts} experts do not divide into ${groups} groups; choose another number.`);
  }
}
