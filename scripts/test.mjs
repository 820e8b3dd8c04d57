import { addCounts, noCounts, sentence } from './lib/results.mjs';
import { setup } from './lib/setup.mjs';

/**
 * `npm test` runs everything; `npm test -- unit e2e` only those stages. One after the other: window tests beside those of the software
 * graphics card were tried, and on two cores both took twice their time.
 */
async function test(names) {
  if (!(await setup())) return { ...noCounts(), failed: 1 };
  // Only now: what the stages import may just have been installed.
  const { STAGES, prepareWindows } = await import('./lib/stages.mjs');
  const unknown = names.find((name) => !Object.hasOwn(STAGES, name));
  if (unknown !== undefined) {
    console.log(`There is no stage "${unknown}": choose from ${Object.keys(STAGES).join(', ')}.`);
    return { ...noCounts(), failed: 1 };
  }
  const wanted = names.length > 0 ? names : Object.keys(STAGES);
  // Downloads go on while types are checked and unit tests run; whoever needs them hears of a failure.
  if (wanted.includes('webgpu') || wanted.includes('e2e')) prepareWindows().catch(() => undefined);
  let total = noCounts();
  for (const name of wanted) {
    console.log(`\n── ${name} ${'─'.repeat(70 - name.length)}`);
    const begun = Date.now();
    const { ok, counts, note } = await STAGES[name]();
    // A failing type check or lint is a failure too, though no test.
    total = addCounts(total, counts ?? { ...noCounts(), failed: ok ? 0 : 1 });
    const result = counts === undefined ? (ok ? 'passed' : 'failed') : inWords(counts);
    console.log(`── ${name}: ${note ?? result} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    if (!ok) {
      console.log(`\nStopped at the failing stage: ${name}`);
      break;
    }
  }
  return total;
}

function inWords(counts) {
  return Object.values(counts).every((count) => count === 0) ? 'no tests' : sentence(counts);
}

const total = await test(process.argv.slice(2));
console.log(`\n${sentence(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;
