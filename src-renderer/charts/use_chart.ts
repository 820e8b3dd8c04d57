import { type RefObject, useEffect, useRef } from 'react';
import { type ChartSpec, type MountedChart, mountChart } from './mount_chart.ts';

/**
 * A chart in the element of the returned ref. React renders the element once; `spec` may be a new object at every render, the
 * newest one is used from the next paint on.
 */
export function useChart(spec: ChartSpec): {
  readonly element: RefObject<HTMLDivElement | null>;
  readonly chart: RefObject<MountedChart | undefined>;
} {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<MountedChart>(undefined);
  const latest = useRef(spec);
  latest.current = spec;
  const { name, paintsPerSecond } = spec;

  useEffect(() => {
    if (element.current === null) return;
    const mounted = mountChart(element.current, {
      name,
      paintsPerSecond,
      skeleton: (theme) => latest.current.skeleton(theme),
      paint: (...args) => latest.current.paint(...args),
    });
    chart.current = mounted;
    return () => {
      chart.current = undefined;
      mounted.dispose();
    };
  }, [name, paintsPerSecond]);

  return { element, chart };
}
