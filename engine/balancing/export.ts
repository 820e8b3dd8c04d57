import type { PlacementFormat } from '../protocol/labs.ts';
import type { SlotTable } from './slots.ts';

/**
 * A placement as the JSON that another engine loads.
 *
 * `eplb`: DeepSeek EPLB's three tables, a row a MoE layer. `sglang`: `--init-expert-location`, a row for each block of the
 * model, dense ones included, in SGLang's trivial order there. `vllm-ascend`: `expert_map_path`, an entry a MoE layer.
 * @param blocks block of each MoE layer, rising
 * @param blockCount blocks of the model; absent: up to the last MoE layer
 */
export function exportPlacement(
  format: PlacementFormat,
  table: SlotTable,
  blocks: readonly number[],
  blockCount = (blocks[blocks.length - 1] ?? -1) + 1,
): string {
  const content =
    format === 'eplb' ? eplbTables(table) : format === 'sglang' ? sglang(table, blocks, blockCount) : ascend(table);
  return `${JSON.stringify(content)}\n`;
}

function eplbTables({ experts, expertOf }: SlotTable) {
  const slotsOf = expertOf.map((row) => {
    const slots = Array.from({ length: experts }, () => [] as number[]);
    for (const [slot, expert] of row.entries()) slots[expert]?.push(slot);
    return slots;
  });
  const most = slotsOf.reduce((max, layer) => layer.reduce((a, own) => Math.max(a, own.length), max), 0);
  return {
    phy2log: expertOf,
    log2phy: slotsOf.map((layer) => layer.map((own) => [...own, ...new Array<number>(most - own.length).fill(-1)])),
    logcnt: slotsOf.map((layer) => layer.map((own) => own.length)),
  };
}

function sglang({ experts, expertOf, devices, slotsPerDevice }: SlotTable, blocks: readonly number[], count: number) {
  const trivial = Array.from({ length: devices * slotsPerDevice }, (_, slot) => slot % experts);
  return {
    physical_to_logical_map: Array.from({ length: count }, (_, block) => expertOf[blocks.indexOf(block)] ?? trivial),
  };
}

function ascend({ expertOf, devices, slotsPerDevice }: SlotTable) {
  return {
    moe_layer_count: expertOf.length,
    layer_list: expertOf.map((row, layer) => ({
      layer_id: layer,
      device_count: devices,
      device_list: Array.from({ length: devices }, (_, device) => ({
        device_id: device,
        device_expert: row.slice(device * slotsPerDevice, (device + 1) * slotsPerDevice),
      })),
    })),
  };
}
