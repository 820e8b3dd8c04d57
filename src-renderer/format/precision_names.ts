import type { Precision, PrecisionName } from '../../engine/protocol/settings.ts';

const TITLES: Readonly<Record<PrecisionName, string>> = {
  stored: 'As stored',
  fp32: 'fp32',
  fp16: 'fp16',
  int8: 'int8',
  int4: 'int4',
};
export const precisionTitle = (name: PrecisionName): string => TITLES[name];

/** Of both parts, short enough for a table: the dense part is named where it is held otherwise than as stored. */
export function precisionName({ experts, dense }: Precision): string {
  if (dense === 'stored' || dense === 'fp32') return TITLES[experts];
  return experts === dense ? `${TITLES[experts]}, all` : `${TITLES[experts]}, dense ${TITLES[dense]}`;
}
