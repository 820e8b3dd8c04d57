require('./cuda_on_cpu.cjs');
require(require('node:path').resolve('out/main/rank.cjs'));
