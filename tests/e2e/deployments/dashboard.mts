// The dashboard by the schema of Grafana, with each panel's options by those of its kind.
import type { Dashboard, FieldConfig, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// An enumeration is a text or a number in JSON.
type Plain<T> = T extends string ? `${T}` : T extends number ? number : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

type Source = { type: "prometheus"; uid: "${datasource}" };
type Target = { datasource: Source; refId: string; expr: string; legendFormat: string; format?: "heatmap" };
type Of<Kind, Options, Custom> = Omit<Panel, "type" | "datasource" | "targets" | "options" | "fieldConfig"> & {
  type: Kind; datasource: Source; targets: Target[]; options: Options;
  fieldConfig: { defaults: Omit<FieldConfig, "custom" | "links"> & { custom?: Custom; links?: Link[] }; overrides: [] };
};
type Link = { title: string; url: string; targetBlank: boolean };

type Known =
  | RowPanel
  | Of<"stat", stat.Options, never>
  | Of<"timeseries", timeseries.Options, GraphFieldConfig>
  | Of<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Of<"state-timeline", timeline.Options, timeline.FieldConfig>;

type Of_dashboard = Plain<Omit<Dashboard, "panels"> & { uid: "allocd"; panels: Known[] }>;
