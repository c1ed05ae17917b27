import { playSlice } from "./slice.ts";

playSlice(0);
