/**
 * Stands in for every actor logic that a machine may spawn, so that a child is never constructed or evaluated where its parent's
 * turn is made: work with a start runs as an activity, and only after the parent's turn allows it.
 */
export const stubLogic = {
  transition: <T>(snapshot: T): T => snapshot,
  getPersistedSnapshot: <T>(snapshot: T): T => snapshot,
  restoreSnapshot: <T>(snapshot: T): T => snapshot,
  getInitialSnapshot: () => IDLE,
};

const IDLE = Object.freeze({ status: "active", output: undefined, error: undefined });
