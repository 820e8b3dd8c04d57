import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { MachineInfo } from '../protocol/model.ts';

/** The machine a run was measured on. ONNX Runtime is not loaded for its version: it belongs into the ranks only. */
export function describeMachine(): MachineInfo {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    onnxruntime: runtimeVersion(),
  };
}

function runtimeVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8'));
    return String((manifest as { version?: unknown }).version ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
