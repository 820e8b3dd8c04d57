import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readConfig } from '../../engine/checkpoint/config.ts';
import { readGenerationDefaults } from '../../engine/checkpoint/generation.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { DEFAULT_RUN, RunSettings } from '../../engine/protocol/settings.ts';
import { anyJson, hostileNumber } from './hostile_values.ts';
import { accepts, fuzzRuns, scratchFolder } from './write_files.ts';

/**
 * Files from the internet: whatever they hold, opening them works or refuses. Another error, a hang (the test's time limit)
 * or memory in proportion to what a file claims instead of what it has fails.
 */

const FIXTURES = 'test/fixtures';
const folder = scratchFolder();
const memoryBefore = process.memoryUsage().rss;
afterAll(() => {
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(2 ** 30);
});

describe('settings from the internet', () => {
  it('config of any family: any value under any key, any text', () => {
    const models = fs.readdirSync(FIXTURES).map((name) => {
      const made = path.join(folder, `config-${name}`);
      fs.mkdirSync(made);
      for (const file of ['model.safetensors', 'config.json'])
        fs.copyFileSync(path.join(FIXTURES, name, file), path.join(made, file));
      const good = JSON.parse(fs.readFileSync(path.join(made, 'config.json'), 'utf8'));
      return { made, good, checkpoint: openCheckpoint(made) };
    });
    const keys = ['rope_parameters', 'rope_scaling', 'layer_types', 'n_routed_experts', 'head_dim', '__proto__'];
    const drawn = fc.constantFrom(...models).chain(({ made, good, checkpoint }) => {
      const change = fc.tuple(fc.constantFrom(...Object.keys(good), ...keys), fc.oneof(anyJson, hostileNumber));
      const text = fc.oneof(
        {
          weight: 8,
          arbitrary: fc
            .array(change, { minLength: 1, maxLength: 2 })
            .map((pairs) => JSON.stringify({ ...good, ...Object.fromEntries(pairs) })),
        },
        { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: fc.string() },
      );
      return text.map((content) => ({ made, content, checkpoint }));
    });
    fc.assert(
      fc.property(drawn, ({ made, content, checkpoint }) => {
        fs.writeFileSync(path.join(made, 'config.json'), content);
        accepts(() => readConfig(made));
        accepts(() => readGenerationDefaults(made));
        accepts(() => readModelSpec(made, checkpoint));
      }),
      { numRuns: fuzzRuns(0.2) },
    );
  });

  it('generation_config: any value under any key', () => {
    const made = path.join(folder, 'generation');
    fs.mkdirSync(made);
    fs.writeFileSync(path.join(made, 'config.json'), '{"eos_token_id":1}');
    const key = fc.constantFrom(
      ...['do_sample', 'temperature', 'top_k', 'top_p', 'repetition_penalty', 'eos_token_id', '__proto__'],
    );
    const value = fc.oneof(fc.boolean(), hostileNumber, fc.double(), anyJson);
    const content = fc.oneof(
      { weight: 6, arbitrary: fc.array(fc.tuple(key, value), { maxLength: 5 }).map(Object.fromEntries) },
      { weight: 1, arbitrary: anyJson },
    );
    fc.assert(
      fc.property(content, (given) => {
        fs.writeFileSync(path.join(made, 'generation_config.json'), JSON.stringify(given));
        accepts(() => {
          const { sampling } = readGenerationDefaults(made);
          // Whatever it asks for is a setting that a run may have.
          if (sampling !== undefined) expect(RunSettings.safeParse({ ...DEFAULT_RUN, ...sampling }).success).toBe(true);
        });
      }),
      { numRuns: fuzzRuns(0.1) },
    );
  });
});
