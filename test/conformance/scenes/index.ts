import { actingScenes } from "./acting.ts";
import { actionScenes } from "./actions.ts";
import { activityScenes } from "./activities.ts";
import { beginningScenes } from "./beginnings.ts";
import { childScenes } from "./children.ts";
import { cornerScenes } from "./corners.ts";
import { delayScenes } from "./delays.ts";
import { endOfWorkScenes } from "./ends-of-work.ts";
import { failureScenes } from "./failures.ts";
import { familyScenes } from "./families.ts";
import { finalScenes } from "./finals.ts";
import { historyScenes } from "./histories.ts";
import { invocationScenes } from "./invocations.ts";
import { nameScenes } from "./names.ts";
import { sendingScenes } from "./sending.ts";
import { spawningScenes } from "./spawning.ts";
import { stateScenes } from "./states.ts";
import { transitionScenes } from "./transitions.ts";
import { workScenes } from "./work.ts";

export const scenes = [
  ...actionScenes,
  ...stateScenes,
  ...childScenes,
  ...familyScenes,
  ...activityScenes,
  ...cornerScenes,
  ...delayScenes,
  ...finalScenes,
  ...historyScenes,
  ...transitionScenes,
  ...sendingScenes,
  ...actingScenes,
  ...invocationScenes,
  ...beginningScenes,
  ...spawningScenes,
  ...workScenes,
  ...endOfWorkScenes,
  ...nameScenes,
  ...failureScenes,
];
