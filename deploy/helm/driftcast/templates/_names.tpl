{{- define "driftcast.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for driftcast-actuator-rollout-restart and the CronJob's own 52. */}}
{{- define "driftcast.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "driftcast.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "driftcast.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The account that the server runs as. */}}
{{- define "driftcast.account" -}}
{{ include "driftcast.fullname" . }}-{{ ternary "corrector" "collector" .Values.corrector.enabled }}
{{- end }}

{{- define "driftcast.selector" -}}
app.kubernetes.io/name: {{ include "driftcast.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "driftcast.labels" -}}
{{ include "driftcast.selector" . }}
app.kubernetes.io/part-of: driftcast
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "driftcast.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "driftcast.claim" -}}
{{ .Values.persistence.existingClaim | default (include "driftcast.fullname" .) }}
{{- end }}

{{/* A binding's subject: dict "root" $ "account" "collector". */}}
{{- define "driftcast.subject" -}}
- kind: ServiceAccount
  name: {{ include "driftcast.fullname" .root }}-{{ .account }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
