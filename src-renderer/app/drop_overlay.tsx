import { useEffect, useState } from 'react';
import { useStudio } from './context.tsx';

/** Takes a model folder, a run file or a trace dropped anywhere in the window. */
export function DropOverlay() {
  const { host, actions, notices } = useStudio();
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Enter and leave come for every element on the way: only their balance says whether the pointer left the window.
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const onEnter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth++;
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth--;
      if (depth <= 0) setOver(false);
    };
    const onOver = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      const file = event.dataTransfer?.files[0];
      const isFile = event.dataTransfer?.items[0]?.webkitGetAsEntry()?.isDirectory !== true;
      if (file === undefined) return;
      event.preventDefault();
      const path = host.pathOfFile(file);
      if (path === undefined) {
        notices.notify({
          kind: 'error',
          title: isFile
            ? 'A browser does not tell the page where a file lies: type its path in "Open a recorded run or a trace" instead.'
            : 'A browser does not tell the page where a folder lies: type its path in "Open a model folder" instead.',
        });
        return;
      }
      if (isFile) {
        actions.openLabFile(path);
        return;
      }
      actions.openModel(path).catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
    };
    const listeners = { dragenter: onEnter, dragleave: onLeave, dragover: onOver, drop: onDrop };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        window.removeEventListener(name, listener as EventListener);
    };
  }, [host, actions, notices]);
  if (!over) return null;
  return (
    <div className="drop">
      <div className="drop-box">
        <strong>Drop a model folder, a recorded run or a trace to open it</strong>
        <span className="dim">A model is a folder with config.json, tokenizer.json and safetensors weights</span>
      </div>
    </div>
  );
}
