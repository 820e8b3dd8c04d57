import { expect } from '@playwright/test';
import type { EngineHostState } from '../../src-renderer/bridge/host_api.ts';
import { enginePid, greetEngine, openBarePage } from './bare_page.ts';
import { test } from './studio_app.ts';

test('a window talks to the engine process over ports of its own', async ({ studio }) => {
  const page = await openBarePage(studio.app);
  const { hello, ports, trusted } = await greetEngine(page);
  expect(hello).toMatchObject({ protocol: 1, writer: true });
  expect(ports).toBe(2);
  expect(trusted).toBe(true);
});

test('a reload of the page finds the engine again', async ({ studio }) => {
  const page = await openBarePage(studio.app);
  await greetEngine(page);
  await page.reload();
  expect((await greetEngine(page)).hello.protocol).toBe(1);
});

test('a killed engine is a state with a reason, and restarts', async ({ studio }) => {
  const { app } = studio;
  const page = await openBarePage(app);
  await greetEngine(page);
  const pid = await enginePid(app);
  if (pid === undefined) throw new Error('the engine does not run');

  const gone = page.evaluate(
    () =>
      new Promise<EngineHostState>((resolve) => {
        window.studioHost?.onEngineState((state) => {
          if (state.kind === 'gone') resolve(state);
        });
      }),
  );
  process.kill(pid, 'SIGKILL');
  expect(await gone).toMatchObject({ kind: 'gone', reason: 'killed', stderrTail: expect.any(Array) });
  expect(await page.evaluate(() => window.studioHost?.engineState())).toMatchObject({ kind: 'gone' });

  const ports = page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        window.addEventListener('message', (event) => {
          if (event.data?.type === 'moe-engine-port') resolve(event.ports.length);
        });
      }),
  );
  await page.evaluate(() => window.studioHost?.restartEngine());
  expect(await ports).toBe(2);
  expect((await greetEngine(page)).hello.protocol).toBe(1);
  expect(await enginePid(app)).not.toBe(pid);
});

test('a restart of a running engine is no death', async ({ studio }) => {
  const { app } = studio;
  const page = await openBarePage(app);
  await greetEngine(page);
  const pid = await enginePid(app);
  const kinds = await page.evaluate(async () => {
    const seen: string[] = [];
    const running = new Promise<void>((resolve) => {
      window.studioHost?.onEngineState(({ kind }) => {
        seen.push(kind);
        if (kind === 'running') resolve();
      });
    });
    await window.studioHost?.restartEngine();
    await running;
    return seen;
  });
  expect(kinds).toEqual(['starting', 'running']);
  expect(await enginePid(app)).not.toBe(pid);
});

test('the engine ends with the app', async ({ studio }) => {
  const pid = await enginePid(studio.app);
  if (pid === undefined) throw new Error('the engine does not run');
  await studio.app.close();
  // It has ended by then; the system may need a moment to take it off its list.
  await expect.poll(() => isListed(pid)).toBe(false);
});

function isListed(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
