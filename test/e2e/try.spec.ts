import { test } from './studio_app.ts';
test('try', async ({ studio }) => {
  studio.app.process().stderr?.on('data', (d) => console.log('ERR', String(d)));
  studio.page.on('console', (m) => console.log('CONSOLE', m.text()));
  await studio.page.waitForTimeout(2500);
  console.log(await studio.page.evaluate(() => ({ host: Object.keys((window as any).studioHost ?? {}), origin: location.origin, body: document.body.innerText.slice(0, 500) })));
  console.log(await studio.app.evaluate(({ app }) => ({ name: app.getName(), ud: app.getPath('userData'), v: app.getVersion(), argv: process.argv, packaged: app.isPackaged, metrics: app.getAppMetrics().map((m) => [m.type, m.name, m.serviceName]) })));
  await studio.page.screenshot({ path: '/tmp/el22/shot.png' });
});
