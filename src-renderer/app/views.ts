import { Activity, ChartColumnBig, ChartSpline, Grid3x3, type LucideIcon, Split } from 'lucide-react';
import { type ComponentType, lazy } from 'react';

// The charts are most of the window's code: fetched at once, but the engine is connected without waiting for them.
const live = import('../views/live/live_view.tsx');
const LiveView = lazy(() => live.then(({ LiveView: component }) => ({ default: component })));

const ExpertsView = lazy(() =>
  import('../views/experts/experts_view.tsx').then((module) => ({ default: module.ExpertsView })),
);
const CacheLabView = lazy(() =>
  import('../views/cache_lab/cache_lab_view.tsx').then((module) => ({ default: module.CacheLabView })),
);
const GatingView = lazy(() =>
  import('../views/gating/gating_view.tsx').then((module) => ({ default: module.GatingView })),
);

const PlacementView = lazy(() =>
  import('../views/placement/placement_view.tsx').then((module) => ({ default: module.PlacementView })),
);

export interface ViewEntry {
  readonly id: string;
  readonly title: string;
  readonly icon: LucideIcon;
  readonly hotkey: string;
  readonly component: ComponentType;
  /** A lab: it can show recorded runs and traces, and so does not wait for a model. */
  readonly showsFiles?: boolean;
}

/** The left rail, in order. Each entry also gets a command `view.ID`. */
export const VIEWS: readonly [ViewEntry, ...ViewEntry[]] = [
  { id: 'live', title: 'Live', icon: Activity, hotkey: '1', component: LiveView },
  { id: 'experts', title: 'Experts', icon: Grid3x3, hotkey: '2', component: ExpertsView, showsFiles: true },
  { id: 'cache', title: 'Cache', icon: ChartSpline, hotkey: '3', component: CacheLabView, showsFiles: true },
  { id: 'gating', title: 'Gating', icon: Split, hotkey: '4', component: GatingView },
  {
    id: 'placement',
    title: 'Placement',
    icon: ChartColumnBig,
    hotkey: '5',
    component: PlacementView,
    showsFiles: true,
  },
];
