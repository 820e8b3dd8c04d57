import type { EvictionName } from '../protocol/settings.ts';
import { Decayed } from './decayed.ts';
import type { CachePlace } from './device_routing.ts';
import { Echo } from './echo.ts';
import { Fifo } from './fifo.ts';
import { Lfru } from './lfru.ts';
import { Lfu } from './lfu.ts';
import { Lifo } from './lifo.ts';
import { LifoLru } from './lifo_lru.ts';
import { Lru } from './lru.ts';
import { Pinned } from './pinned.ts';
import type { CacheView, EvictionPolicy } from './policy.ts';
import { S3Fifo } from './s3_fifo.ts';
import { Sieve } from './sieve.ts';

interface PolicyEntry {
  readonly title: string;
  readonly says: string;
  /** Learns from what the other layers of a step used: its caches must meet steps in turn, each layer by layer. */
  readonly learnsOverLayers?: true;
  readonly create: (experts: number, place: CachePlace, cache: CacheView) => EvictionPolicy;
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
  lfu: {
    title: 'LFU',
    says: 'An inactive expert first; always the least often used in the run',
    create: (experts) => new Lfu(experts),
  },
  lfru: {
    title: 'LFRU',
    says: 'An inactive expert first; always the fewest uses over steps since the last',
    create: (experts) => new Lfru(experts),
  },
  decayed: {
    title: 'Decayed frequency',
    says: 'An inactive expert first; always the least often used, a use losing 5% of its weight a step',
    create: (experts) => new Decayed(experts),
  },
  fifo: {
    title: 'FIFO',
    says: 'An inactive expert first; always the oldest in',
    create: (experts) => new Fifo(experts),
  },
  sieve: {
    title: 'SIEVE',
    says: 'An inactive expert first; the oldest in, one used since it was last looked at being spared once',
    create: (experts) => new Sieve(experts),
  },
  's3-fifo': {
    title: 'S3-FIFO',
    says: 'An inactive expert first; newcomers wait in a small queue and stay if used again',
    create: (experts) => new S3Fifo(experts),
  },
  echo: {
    title: 'Routing echo',
    says: 'An inactive expert first; always the least likely to be used soon, learned from how past steps like this one went on',
    learnsOverLayers: true,
    create: (experts, place) => new Echo(experts, place),
  },
  pinned: {
    title: 'Pinned hot set',
    says: 'The experts used in most steps until it was chosen stay, in all slots but one; the others as LRU',
    create: (experts, _, cache) => new Pinned(experts, cache),
  },
};

/**
 * @param place tells a policy that learns from the routing of all layers where it stands
 * @param cache the cache that it is for
 */
export function createPolicy(name: EvictionName, experts: number, place: CachePlace, cache: CacheView): EvictionPolicy {
  return POLICIES[name].create(experts, place, cache);
}
