import { Dialog } from '@base-ui/react/dialog';
import { useState } from 'react';
import { useStudio } from '../app/context.tsx';

/** In a browser there is no file dialog of the server's machine: the path is typed. */
export function LabPathDialog() {
  const { actions, dialogs } = useStudio();
  const [path, setPath] = useState('');
  return (
    <form
      className="dialog-body"
      onSubmit={(event) => {
        event.preventDefault();
        if (path.trim() === '') return;
        dialogs.setState({ open: undefined });
        actions.openLabFile(path.trim());
      }}
    >
      <Dialog.Title className="dialog-title">Open a recorded run or a routing trace</Dialog.Title>
      <label className="own-text">
        <span className="dim">Path on the machine where the engine runs</span>
        <input
          className="text-input mono"
          value={path}
          placeholder="/traces/olmoe-299.jsonl.gz"
          spellCheck={false}
          onChange={(event) => setPath(event.target.value)}
        />
        <span className="hint">A run file of the studio (.json), or a trace of another engine (.jsonl, .jsonl.gz)</span>
      </label>
      <div className="dialog-buttons">
        <Dialog.Close className="button">Cancel</Dialog.Close>
        <button type="submit" className="button button-main" disabled={path.trim() === ''}>
          Open
        </button>
      </div>
    </form>
  );
}
