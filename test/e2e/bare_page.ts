import type { ElectronApplication, Page } from '@playwright/test';
import type { Results } from '../../engine/protocol/messages.ts';

/**
 * A second window of the app on `url`, with the product's preload and preferences. On an address of our origin where there is no
 * file, it is a trusted page that does nothing by itself: tests of the host see their own messages only.
 */
export async function openBarePage(app: ElectronApplication, url = 'studio://app/nothing.html'): Promise<Page> {
  const opened = app.waitForEvent('window');
  await app.evaluate(async ({ BrowserWindow, app: electronApp }, address) => {
    const preload = `${electronApp.getAppPath()}/out/preload/index.cjs`;
    const webPreferences = { preload, contextIsolation: true, sandbox: true, nodeIntegration: false };
    const window = new BrowserWindow({ show: false, webPreferences });
    await window.loadURL(address).catch(() => undefined);
  }, url);
  const page = await opened;
  await page.waitForLoadState();
  return page;
}

/** Asks for the engine's ports and says hello on the control port; resolves to what the engine answers. */
export function greetEngine(page: Page): Promise<{ hello: Results['hello']; ports: number; trusted: boolean }> {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        window.addEventListener('message', function onPorts(event) {
          if (event.data?.type !== 'moe-engine-port') return;
          window.removeEventListener('message', onPorts);
          const trusted = event.source === window && event.origin === location.origin;
          const [control] = event.ports;
          if (control === undefined) throw new Error('no ports came');
          control.onmessage = ({ data }) => {
            if (data.kind === 'reply') resolve({ hello: data.result, ports: event.ports.length, trusted });
          };
          control.postMessage({ kind: 'request', id: 1, method: 'hello', params: { protocol: 1 } });
        });
        window.studioHost?.connectEngine();
      }),
  );
}

/** Process id of the engine, undefined where it does not run. */
export function enginePid(app: ElectronApplication): Promise<number | undefined> {
  return app.evaluate(
    ({ app: electronApp }) =>
      electronApp.getAppMetrics().find(({ name, serviceName }) => name === 'moe-engine' || serviceName === 'moe-engine')
        ?.pid,
  );
}
