import type { Dispose } from '../../engine/api.ts';
import type { StepPhase } from '../../engine/protocol/telemetry.ts';
import type { ThemeName } from './colour_map.ts';

/** The colours and the face that charts draw with, read from the CSS variables of `theme/tokens.css`. */
export interface ChartTheme {
  readonly text: string;
  readonly dim: string;
  readonly axis: string;
  readonly grid: string;
  readonly panel: string;
  readonly bad: string;
  /** By ledger category, in the protocol's order. */
  readonly categories: readonly string[];
  readonly devices: readonly string[];
  readonly font: string;
}

const CATEGORY_VARIABLES = [
  '--m-embedding',
  '--m-attention',
  '--m-dense',
  '--m-experts',
  '--m-kv',
  '--m-gating',
  '--m-execution',
];
const DEVICE_COLOURS = 8;

export const deviceVariable = (device: number): string => `--device-${device % DEVICE_COLOURS}`;
export const categoryVariable = (category: number): string => CATEGORY_VARIABLES[category] ?? '--m-embedding';

export const phaseVariable = (phase: StepPhase): string => `--p-${phase}`;

export function readChartTheme(): ChartTheme {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: read('--text'),
    dim: read('--dim'),
    axis: read('--axis'),
    grid: read('--grid'),
    panel: read('--panel'),
    bad: read('--bad'),
    categories: CATEGORY_VARIABLES.map(read),
    devices: Array.from({ length: DEVICE_COLOURS }, (_, device) => read(deviceVariable(device))),
    font: read('--font-ui'),
  };
}

/** The theme in force, whoever chose it. */
export const themeNow = (): ThemeName => (document.documentElement.dataset.theme === 'light' ? 'light' : 'dark');

/** Calls back after the theme was switched, by the person or by the system. */
export function onThemeChange(listener: () => void): Dispose {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'class'] });
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', listener);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', listener);
  };
}
