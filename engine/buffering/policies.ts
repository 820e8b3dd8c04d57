import type { EvictionName } from '../protocol/settings.ts';
import { Lifo } from './lifo.ts';
import { LifoLru } from './lifo_lru.ts';
import { Lru } from './lru.ts';
import type { EvictionPolicy } from './policy.ts';

interface PolicyEntry {
  readonly title: string;
  readonly says: string;
  readonly create: (experts: number) => EvictionPolicy;
}

/** Every eviction policy there is: a new one is a file beside this and a line here. */
export const POLICIES: Readonly<Record<EvictionName, PolicyEntry>> = {
  lifo: {
    title: 'Paper (LIFO)',
    says: 'An inactive expert first, the newest in; otherwise last in, first out',
    create: (experts) => new Lifo(experts),
  },
  'lifo-lru': {
    title: 'Paper (LIFO, LRU first)',
    says: 'An inactive expert first, the least recently used; otherwise last in, first out',
    create: (experts) => new LifoLru(experts),
  },
  lru: {
    title: 'LRU',
    says: 'An inactive expert first; always the least recently used',
    create: (experts) => new Lru(experts),
  },
};

export function createPolicy(name: EvictionName, experts: number): EvictionPolicy {
  return POLICIES[name].create(experts);
}
