import { addCounts, noCounts, sentence } from './lib/results.mjs';
import { setup } from './lib/setup.mjs';

/**
 * What runs after what, cheap stages first, and lanes of them side by side: tests of windows wait for most of their time, and those of
 * a software graphics card and of Electron have the processor meanwhile.
 */
const PLAN = [[['typecheck']], [['lint']], [['unit']], [['ui'], ['webgpu', 'e2e']]];

/** `npm test` runs everything; `npm test -- unit e2e` only those stages. */
async function test(names) {
  if (!(await setup())) return { ...noCounts(), failed: 1 };
  // Only now: what the stages import may just have been installed.
  const { STAGES, prepareWindows } = await import('./lib/stages.mjs');
  const { runLanes } = await import('./lib/lanes.mjs');
  const unknown = names.find((name) => !Object.hasOwn(STAGES, name));
  if (unknown !== undefined) {
    console.log(`There is no stage "${unknown}": choose from ${Object.keys(STAGES).join(', ')}.`);
    return { ...noCounts(), failed: 1 };
  }
  const isWanted = (name) => names.length === 0 || names.includes(name);
  // Downloads go on while types are checked and unit tests run; whoever needs them hears of a failure.
  if (['webgpu', 'e2e'].some(isWanted)) prepareWindows().catch(() => undefined);
  let total = noCounts();
  for (const lanes of PLAN) {
    const wanted = lanes.map((lane) => lane.filter(isWanted)).filter((lane) => lane.length > 0);
    const results = await runLanes(wanted);
    for (const { counts } of results) total = addCounts(total, counts);
    const failing = results.filter(({ ok }) => !ok).map(({ name }) => name);
    if (failing.length === 0) continue;
    console.log(`\nStopped at the failing stage: ${failing.join(', ')}`);
    break;
  }
  return total;
}

const total = await test(process.argv.slice(2));
console.log(`\n${sentence(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;
