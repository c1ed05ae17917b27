import { actionScenes } from "./actions.ts";
import { childScenes } from "./children.ts";
import { stateScenes } from "./states.ts";

export const scenes = [...actionScenes, ...stateScenes, ...childScenes];
