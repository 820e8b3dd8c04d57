import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { writeAtomically } from '../checkpoint/write_atomically.ts';
import type { ChosenDevice, DeviceList } from '../device/discovery.ts';
import type { LinkAnswer, LinkQuestion } from '../device/link_worker.ts';
import { shareCard } from '../device/webgpu/one_thread.ts';
import { type DeviceInfo, isTold } from '../protocol/model.ts';
import { describeMachine } from './machine.ts';

const File = z.record(z.string().max(500), z.number().positive());

/**
 * How fast experts come to each device, measured once: kept in a file of the data folder, by what a measurement depends on (the
 * device's name, its driver, ONNX Runtime's version), so that a new driver is measured anew.
 */
export class LinkSpeeds {
  private readonly file: string;

  /** @param entry bundle of device/link_worker.ts */
  constructor(
    dataDir: string,
    private readonly entry: string,
  ) {
    this.file = path.join(dataDir, 'links.json');
  }

  /** Bytes a second; undefined where it was not measured yet. */
  of(device: DeviceInfo): number | undefined {
    return this.read()[keyOf(device)];
  }

  /** Whether a card computes in float16; undefined where it was not asked yet. */
  private float16Of(device: DeviceInfo): boolean | undefined {
    const bits = this.read()[bitsKey(keyOf(device))];
    return bits === undefined ? undefined : bits === 16;
  }

  /** The devices with what is known of them. */
  told({ devices, absent }: DeviceList): DeviceList {
    return { devices: devices.map((device) => this.toldOf(device)), absent };
  }

  toldOfChosen(chosen: readonly ChosenDevice[]): ChosenDevice[] {
    return chosen.map(({ device, ...choice }) => ({ ...choice, device: this.toldOf(device) }));
  }

  private toldOf(device: DeviceInfo): DeviceInfo {
    const loadBytesPerSecond = this.of(device);
    const float16 = this.float16Of(device);
    return {
      ...device,
      ...(loadBytesPerSecond !== undefined && { loadBytesPerSecond }),
      ...(float16 !== undefined && { float16 }),
    };
  }

  /** Measures what is not known, up to two seconds a device; threads of a processor are alike, and measured once. */
  async know(devices: readonly DeviceInfo[]): Promise<void> {
    for (const device of devices) {
      const isKnown = device.provider !== 'webgpu' || this.float16Of(device) !== undefined;
      if (!isKnown || this.of(device) === undefined) await this.measure(device);
    }
  }

  /** @throws Error where the device does not open */
  measure(device: DeviceInfo): Promise<number> {
    return this.ask({ device: device.id }, keyOf(device), `${device.id}: its link`);
  }

  /** Bytes of weights a second in rows that this machine computes itself (host_probe.ts): measured once, in a third of a second. */
  async hostRow(): Promise<number> {
    const { cpu, onnxruntime } = describeMachine();
    const key = ['rows on the host', cpu, onnxruntime].join(' | ');
    return this.read()[key] ?? (await this.ask({ hostRow: true }, key, 'rows on the host'));
  }

  private async ask(question: LinkQuestion, key: string, what: string): Promise<number> {
    const answer = await ask(this.entry, question);
    if ('failed' in answer) throw new Error(`${what} could not be measured (${answer.failed.replace(/\.$/, '')})`);
    mkdirSync(path.dirname(this.file), { recursive: true });
    const { bytesPerSecond, float16 } = answer;
    const bits = float16 === undefined ? {} : { [bitsKey(key)]: float16 ? 16 : 32 };
    writeAtomically(this.file, JSON.stringify({ ...this.read(), [key]: bytesPerSecond, ...bits }, undefined, 2));
    return bytesPerSecond;
  }

  /** A file that is not there or damaged is measured again. */
  private read(): Readonly<Record<string, number>> {
    try {
      return File.parse(JSON.parse(readFileSync(this.file, 'utf8')));
    } catch {
      return {};
    }
  }
}

/** Where a device's smallest float is kept, bits. */
const bitsKey = (key: string): string => `${key} | bits of a float`;

function keyOf({ provider, name, driver }: DeviceInfo): string {
  const thread = name.replace(/, thread \d+$/, '');
  return [provider, thread, isTold(driver) ? driver : '', describeMachine().onnxruntime].join(' | ');
}

function ask(entry: string, question: LinkQuestion): Promise<LinkAnswer> {
  return new Promise((resolve, reject) => {
    shareCard();
    const worker = new Worker(entry, { workerData: question });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => resolve({ failed: `its thread ended with code ${code}` }));
  });
}
