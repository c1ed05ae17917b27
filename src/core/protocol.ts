/**
 * The number of the protocol: what hosts store and how they share the work (README, The protocol). It rises when a host of an older
 * release could no longer work beside one of a newer; optional additions do not raise it. Releases with the same number run side by
 * side in any mixture.
 */
export const PROTOCOL = 1;
