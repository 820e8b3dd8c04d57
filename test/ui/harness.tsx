import '../../src-renderer/theme/base.css';
import { createRoot } from 'react-dom/client';
import { bootStudio } from '../../src-renderer/app/boot.ts';
import { createStudio } from '../../src-renderer/app/create_studio.ts';
import { StudioWindow } from '../../src-renderer/app/studio_window.tsx';
import { followTheme } from '../../src-renderer/app/theme.ts';
import { FakeEngine } from './fake_engine.ts';
import { createFakeHost, FakeTransport } from './fake_host.ts';

/**
 * The product's window over a fake engine. Query: `theme`, `host` (desktop or browser), `budget` in MiB, `live` to let time pass
 * by itself at ten frames a second; otherwise a test moves it with `harness.tick(n)`.
 */
const query = new URLSearchParams(location.search);
const theme = query.get('theme') ?? 'dark';
const budgetBytes = Number(query.get('budget') ?? 96) * 2 ** 20;
const kind = query.get('host') === 'browser' ? 'browser' : 'desktop';

const engines: FakeEngine[] = [];
const transport = new FakeTransport(() => {
  const engine = new FakeEngine({ budgetBytes });
  engines.push(engine);
  return engine;
});
const stored = {
  version: 1,
  ui: { theme, view: query.get('view') ?? 'live', inspectorOpen: true, logOpen: false },
  run: JSON.parse(query.get('run') ?? 'null'),
};
const { host, kept, choose } = createFakeHost(transport, kind, stored);
const studio = createStudio(host, stored);

const current = () => {
  const engine = engines.at(-1);
  if (engine === undefined) throw new Error('no engine yet');
  return engine;
};
const harness = {
  kept,
  studio,
  choose,
  transport,
  engine: current,
  requests: () => engines.flatMap(({ requests }) => requests),
  tick(frames = 1) {
    for (let i = 0; i < frames; i++) current().tick();
  },
};
declare global {
  interface Window {
    harness: typeof harness;
  }
}
window.harness = harness;

followTheme(studio.settings, host);
const root = document.getElementById('root');
if (root === null) throw new Error('harness.html has no #root');
createRoot(root).render(<StudioWindow studio={studio} />);
bootStudio(studio);
if (query.has('live')) setInterval(() => engines.at(-1)?.tick(), 100);
