import type { DeviceLink, DeviceReading, NotTold, Told } from '../../protocol/model.ts';

/** A graphics card as the system describes it, whatever may compute on it. */
export interface Card {
  /** Its PCI address where there is one (`0000:01:00.0`); two sources of one card agree on it. */
  readonly key: string;
  readonly name: string;
  readonly vendor: 'nvidia' | 'amd' | 'intel' | 'apple' | 'other';
  /** It has no memory of its own. */
  readonly unified: boolean;
  readonly totalBytes: Told<number>;
  readonly driver: Told<string>;
  readonly link: Told<DeviceLink>;
  /** Number by which CUDA knows it; absent for a card without. */
  readonly cudaIndex?: number;
  readonly reading: DeviceReading;
}

export const notTold = (reason: string): NotTold => ({ notTold: reason });

const VENDORS: Readonly<Record<string, Card['vendor']>> = {
  '10de': 'nvidia',
  '1002': 'amd',
  '8086': 'intel',
  '106b': 'apple',
};

/** By its PCI vendor id, four hex digits. */
export const vendorOf = (id: string): Card['vendor'] => VENDORS[id.toLowerCase()] ?? 'other';
