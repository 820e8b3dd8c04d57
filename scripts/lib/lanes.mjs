import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attach } from './proc.mjs';
import { noCounts, sentence } from './results.mjs';
import { STAGES } from './stages.mjs';

/**
 * Runs lanes of stages side by side, the stages of a lane one after the other, up to one that fails. The first lane writes to this
 * terminal as it goes; what the others write follows when all have ended.
 * @param {string[][]} lanes
 * @returns {Promise<{name: string, ok: boolean, counts: import('./results.mjs').Counts}[]>}
 */
export async function runLanes([first = [], ...others]) {
  const folder = mkdtempSync(join(tmpdir(), 'moe-lanes-'));
  try {
    const beside = others.map(async (lane, index) => {
      const file = join(folder, `${index}.txt`);
      const output = openSync(file, 'w');
      const results = await runLane(lane, ['ignore', output, output], (line) => writeSync(output, `${line}\n`));
      closeSync(output);
      return { results, text: readFileSync(file, 'utf8') };
    });
    const results = await runLane(first, 'inherit', console.log);
    for (const lane of await Promise.all(beside)) {
      process.stdout.write(lane.text);
      results.push(...lane.results);
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runLane(names, stdio, say) {
  const results = [];
  for (const name of names) {
    say(`\n── ${name} ${'─'.repeat(70 - name.length)}`);
    const begun = Date.now();
    const run = (command, args, options) => attach(command, args, { ...options, stdio });
    const { ok, counts, note } = await STAGES[name](run);
    const result = counts === undefined ? (ok ? 'passed' : 'failed') : inWords(counts);
    say(`── ${name}: ${note ?? result} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    // A failing type check or lint is a failure too, though no test.
    results.push({ name, ok, counts: counts ?? { ...noCounts(), failed: ok ? 0 : 1 } });
    if (!ok) break;
  }
  return results;
}

function inWords(counts) {
  return Object.values(counts).every((count) => count === 0) ? 'no tests' : sentence(counts);
}
