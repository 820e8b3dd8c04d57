import '../../src-renderer/theme/base.css';
import { createRoot, type Root } from 'react-dom/client';
import { StudioContext } from '../../src-renderer/app/context.tsx';
import { createStudio } from '../../src-renderer/app/create_studio.ts';
import { paintStats } from '../../src-renderer/charts/animation_frames.ts';
import { LiveView } from '../../src-renderer/views/live/live_view.tsx';
import { createFakeHost } from './fake_host.ts';
import { FrameMaker, type SyntheticRun, syntheticSnapshot } from './live_frames.ts';

/** The Live view alone, fed with synthetic frames: for what the whole window's tests would have to wait for. */
const { host, kept } = createFakeHost({ start: () => () => {}, restart: async () => {} }, 'browser', undefined);
const studio = createStudio(host, undefined);
studio.session.setState({ host: { kind: 'running' } });

function rootElement(): HTMLElement {
  const element = document.getElementById('root');
  if (element === null) throw new Error('live_harness.html has no #root');
  return element;
}

const element = rootElement();
element.style.height = '100%';
let root: Root | undefined;

const harness = {
  studio,
  kept,
  paintStats,
  maker: undefined as FrameMaker | undefined,
  timer: 0,
  /** A run whose last `pastMs` are already there. */
  begin(run: SyntheticRun, pastMs: number, changeAgoMs: number) {
    const changeAtStep = Math.round(((pastMs - changeAgoMs) / 1000) * run.stepsPerSecond);
    const maker = new FrameMaker(run, changeAtStep);
    const marks = [{ step: changeAtStep, atMs: maker.msOf(changeAtStep - 1), label: '64 to 24 slots' }];
    const snapshot = syntheticSnapshot(run);
    studio.session.setState({
      snapshot: { ...snapshot, marks: marks.map((mark) => ({ ...mark, settings: snapshot.run?.settings as never })) },
    });
    for (let ms = 0; ms < pastMs; ms += 100) studio.bus.push(maker.next(100));
    studio.bus.history.setMarks(studio.session.getState().snapshot.marks);
    harness.maker = maker;
  },
  push(spanMs: number) {
    if (harness.maker !== undefined) studio.bus.push(harness.maker.next(spanMs));
  },
  stream() {
    harness.timer = window.setInterval(() => harness.push(100), 100);
  },
  mount() {
    root = createRoot(element);
    root.render(
      <StudioContext value={studio}>
        <LiveView />
      </StudioContext>,
    );
  },
  unmount() {
    root?.unmount();
    root = undefined;
  },
  stop() {
    window.clearInterval(harness.timer);
  },
};
export type LiveHarness = typeof harness;

declare global {
  interface Window {
    live: LiveHarness;
  }
}
window.live = harness;

harness.mount();
