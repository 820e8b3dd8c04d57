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
  readonly create: (ids: number, place: CachePlace, cache: CacheView) => EvictionPolicy;
}

/**
 * Every eviction policy there is: a new one is a file beside this and a line here.
 *
 * Each can stand over one layer or over all layers of a device. Orders (lifo, lifo-lru, lru, fifo, sieve, s3-fifo) are then one
 * order of all events, layer after layer; counts and scores (lfu, lfru, decayed, echo, pinned) go by rounds of the layers, so that
 * an expert's number means the same in every layer.
 */
export const POLICIES: Readonly<Record<EvictionName, PolicyEntry>> = {
  lifo: {
    title: 'Paper (LIFO)',
    says: 'An inactive expert first, the newest in; otherwise last in, first out',
    create: (ids) => new Lifo(ids),
  },
  'lifo-lru': {
    title: 'Paper (LRU)',
    says: 'An inactive expert first, the least recently used; otherwise last in, first out',
    create: (ids) => new LifoLru(ids),
  },
  lru: {
    title: 'LRU',
    says: 'An inactive expert first; always the least recently used',
    create: (ids) => new Lru(ids),
  },
  lfu: {
    title: 'LFU',
    says: 'An inactive expert first; always the least often used in the run',
    create: (ids) => new Lfu(ids),
  },
  lfru: {
    title: 'LFRU',
    says: 'An inactive expert first; always the fewest uses over steps since the last',
    create: (ids, { layers = 1 }) => new Lfru(ids, layers),
  },
  decayed: {
    title: 'Decayed frequency',
    says: 'An inactive expert first; always the least often used, a use losing 5% of its weight a step',
    create: (ids, { layers = 1 }) => new Decayed(ids, layers),
  },
  fifo: {
    title: 'FIFO',
    says: 'An inactive expert first; always the oldest in',
    create: (ids) => new Fifo(ids),
  },
  sieve: {
    title: 'SIEVE',
    says: 'An inactive expert first; the oldest in, one used since it was last looked at being spared once',
    create: (ids) => new Sieve(ids),
  },
  's3-fifo': {
    title: 'S3-FIFO',
    says: 'An inactive expert first; newcomers wait in a small queue and stay if used again',
    create: (ids) => new S3Fifo(ids),
  },
  echo: {
    title: 'Routing echo',
    says: 'An inactive expert first; always the least likely to be used soon, learned from how past steps like this one went on',
    learnsOverLayers: true,
    create: (ids, place) => new Echo(ids, place),
  },
  pinned: {
    title: 'Pinned hot set',
    says: 'The experts used in most steps until it was chosen stay, in all slots but one; the others as LRU',
    create: (ids, _, cache) => new Pinned(ids, cache),
  },
};

/**
 * @param ids how many experts there are, over all layers of the cache
 * @param place tells a policy that learns from the routing of all layers where it stands
 * @param cache the cache that it is for
 */
export function createPolicy(name: EvictionName, ids: number, place: CachePlace, cache: CacheView): EvictionPolicy {
  return POLICIES[name].create(ids, place, cache);
}
