import { expect, test } from 'vitest';
import { denseThreads } from '../../engine/coordinator/dense_threads.ts';

const devices = (...providers: ('cpu' | 'webgpu')[]) =>
  providers.map((provider) => ({ device: { provider } as Parameters<typeof denseThreads>[0][number]['device'] }));

test('processors of ranks without a sequence help those that have one, and never more than there are', () => {
  expect(denseThreads(devices('cpu'), 1)).toBe(1);
  expect(denseThreads(devices('cpu', 'cpu'), 1)).toBe(2);
  expect(denseThreads(devices('cpu', 'cpu'), 2)).toBe(1);
  expect(denseThreads(devices('cpu', 'cpu', 'cpu', 'cpu'), 2)).toBe(2);
  expect(denseThreads(devices('cpu', 'cpu', 'cpu'), 8)).toBe(1);
  expect(denseThreads(devices('webgpu', 'cpu'), 1)).toBe(1);
});
