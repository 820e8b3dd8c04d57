import {
  CacheScope,
  EvictionChoice,
  GatingName,
  PlacementName,
  PrefetchName,
  type RunSettings,
} from '../../engine/protocol/settings.ts';
import type { Studio } from '../app/context.tsx';
import {
  COPY_LIMITS,
  copyLimitTitle,
  evictionTitle,
  gatingTitle,
  placementTitle,
  prefetchTitle,
  scopeTitle,
} from '../stores/run_settings.ts';
import type { Command } from './registry.ts';

type Parts = Pick<Studio, 'actions' | 'session' | 'settings'>;

/** Each value of each choice of the inspector as a command: "Eviction: LRU". Found by typing; too many to stand in a list unasked. */
export function choiceCommands({ actions, session, settings }: Parts): Command[] {
  const usable = () => session.getState().writer && session.getState().host.kind === 'running';
  const choice = <K extends 'eviction' | 'copyAfterRows' | 'prefetch' | 'cacheScope' | 'placement' | 'gating'>(
    key: K,
    name: string,
    values: readonly RunSettings[K][],
    title: (value: RunSettings[K]) => string,
  ) =>
    values.map(
      (value): Command => ({
        id: `set.${key}.${value}`,
        title: `${name}: ${title(value)}`,
        group: 'Settings',
        keywords: 'change choose policy',
        isTypedOnly: true,
        when: () => usable() && settings.getState().draft[key] !== value,
        run: () => actions.change({ [key]: value }),
      }),
    );
  return [
    ...choice('eviction', 'Eviction', EvictionChoice.options, evictionTitle),
    ...choice('copyAfterRows', 'Missing experts', COPY_LIMITS, copyLimitTitle),
    ...choice('prefetch', 'Prefetch', PrefetchName.options, prefetchTitle),
    ...choice('cacheScope', 'Slots', CacheScope.options, scopeTitle),
    ...choice('placement', 'Placement', PlacementName.options, placementTitle),
    ...choice('gating', 'Gating', GatingName.options, gatingTitle),
  ];
}
