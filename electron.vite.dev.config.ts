import { existsSync } from 'node:fs';
import path from 'node:path';
import base from './electron.vite.config.ts';

const fake = {
  name: 'fake',
  enforce: 'pre' as const,
  resolveId(id: string) {
    if (id === '../coordinator/engine.ts')
      return path.resolve('test/main/fake_engine.ts');
    if (id.endsWith('/protocol/codec.ts') && !existsSync('engine/protocol/codec.ts'))
      return path.resolve('/tmp/el22/codec.ts');
    if (id === '../protocol/frame-merger.ts' && !existsSync('engine/protocol/frame-merger.ts'))
      return path.resolve('/tmp/el22/merger.ts');
    return undefined;
  },
};
const c = base as Record<string, any>;
c.main.plugins = [fake];
c.renderer.plugins.push(fake);
if (!existsSync('src-renderer/index.html')) delete c.renderer;
export default c;
