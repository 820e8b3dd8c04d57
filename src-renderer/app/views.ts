import { Activity, type LucideIcon } from 'lucide-react';
import type { ComponentType } from 'react';
import { LiveView } from '../views/live/live_view.tsx';

export interface ViewEntry {
  readonly id: string;
  readonly title: string;
  readonly icon: LucideIcon;
  readonly hotkey: string;
  readonly component: ComponentType;
}

/** The left rail, in order. Each entry also gets a command `view.ID`. */
export const VIEWS: readonly [ViewEntry, ...ViewEntry[]] = [
  { id: 'live', title: 'Live', icon: Activity, hotkey: '1', component: LiveView },
];
