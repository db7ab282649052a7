{{/* driftcast.yml: what follows from the chart's own keys, and over it what config says. */}}
{{- define "driftcast.config" -}}
{{- $name := include "driftcast.fullname" . -}}
{{- $user := .Values.config -}}
{{- $c := dict -}}
{{- if .Values.targets }}{{ $_ := set $c "target_files" (keys .Values.targets | sortAlpha) }}{{ end -}}
{{- if .Values.trainer.enabled }}{{ $_ := set $c "training" (dict "schedule" "0 0 29 2 *") }}{{ end -}}
{{- if .Values.highAvailability.enabled }}
{{- $_ := set $c "cluster" (dict "lease" (dict "enabled" true "namespace" .Release.Namespace "name" (printf "%s-leader" $name))) }}
{{- end -}}
{{- if .Values.dryRun.enabled }}
{{- $_ := set $c "drift" (dict "dry_run" (dict "enabled" true "kubeconfig" "/etc/driftcast-dry-run/kubeconfig.yml")) }}
{{- end -}}
{{- if .Values.tokensSecret }}{{ $_ := set $c "api" (dict "tokens_file" "/etc/driftcast-tokens/tokens.yml") }}{{ end -}}
{{- $corrections := $user.corrections | default dict -}}
{{- if or .Values.corrector.enabled $corrections.policies }}
{{- $derived := dict -}}
{{- if not $corrections.kubeconfig }}{{ $_ := set $derived "in_cluster" true }}{{ end -}}
{{- if .Values.corrector.enabled }}
{{- $_ := set $derived "kill_switch" (dict "namespace" .Release.Namespace "name" (printf "%s-kill-switch" $name)) }}
{{- end -}}
{{- $_ := set $c "corrections" $derived }}
{{- end -}}
{{- mergeOverwrite $c (deepCopy $user) | toYaml }}
{{- end }}

{{/* What a schema cannot say, because it spans keys. Every message names the key and the remedy. */}}
{{- define "driftcast.check" -}}
{{- $corrections := .Values.config.corrections | default dict -}}
{{- $webhooks := list -}}
{{- range $corrections.webhooks }}{{ $webhooks = append $webhooks .name }}{{ end -}}
{{- range $corrections.policies }}
{{- $mode := .mode | default "recommend" -}}
{{- if and (has $mode (list "approve" "auto")) }}
{{- if and (not (has .actuator $webhooks)) (not $corrections.kubeconfig) }}
{{- if not $.Values.corrector.enabled }}
{{- fail (printf "config.corrections.policies: %s has mode %s, but nothing may be changed (set corrector.enabled and add %s to corrector.actuators, or mode: recommend)" .name $mode .actuator) }}
{{- end }}
{{- if not (has .actuator $.Values.corrector.actuators) }}
{{- fail (printf "config.corrections.policies: %s has mode %s, but lacks its actuator's rights (add %s to corrector.actuators, or mode: recommend)" .name $mode .actuator) }}
{{- end }}
{{- end }}
{{- if and (eq $mode "approve") (not $.Values.tokensSecret) }}
{{- fail (printf "config.corrections.policies: %s waits for approval, but nobody may give it (set tokensSecret to a Secret with tokens.yml)" .name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.tokensSecret (not .Values.serviceMonitor.tokenSecret.name) }}
{{- fail "serviceMonitor.tokenSecret.name: /metrics asks for a token where tokensSecret is set (name a Secret with a token of role view)" }}
{{- end }}
{{- if and .Values.highAvailability.sameNode (not .Values.highAvailability.enabled) }}
{{- fail "highAvailability.sameNode: there is one server only (set highAvailability.enabled)" }}
{{- end }}
{{- end }}
