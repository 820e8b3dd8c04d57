/**
 * Times llama.cpp through the prebuilt binaries of node-llama-cpp: node llama_cpp.mjs '{"from", "model", "threads", "prompts",
 * "newTokens"}'; answers in JSON. `from` is the folder that the package was installed in.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { from, model, threads, prompts, newTokens } = JSON.parse(process.argv[2]);
const require = createRequire(join(from, 'package.json'));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);
const { version } = JSON.parse(readFileSync(join(from, 'node_modules/node-llama-cpp/package.json'), 'utf8'));
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: threads,
  logLevel: 'error',
});
const loaded = await llama.loadModel({ modelPath: model, gpuLayers: 0, ignoreMemorySafetyChecks: true });
const context = await loaded.createContext({
  contextSize: 1024,
  batchSize: 1024,
  threads,
  ignoreMemorySafetyChecks: true,
});
const sequence = context.getSequence();
const answers = [];
for (const prompt of prompts) {
  await sequence.clearHistory();
  const tokens = [];
  const begun = performance.now();
  let prefilled = begun;
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    if (tokens.length === 0) prefilled = performance.now();
    tokens.push(token);
    if (tokens.length === newTokens) break;
  }
  const ended = performance.now();
  answers.push({ prefillMs: prefilled - begun, decodeMs: ended - prefilled, tokens });
}
process.stdout.write(JSON.stringify({ version, prompts: answers }));
process.exit(0);
