{{- define "buysignal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "buysignal.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "buysignal.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "buysignal.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What pods are found by: never changed once installed. Called with (dict "root" $ "part" "api"). */}}
{{- define "buysignal.selector" -}}
app.kubernetes.io/name: {{ include "buysignal.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "buysignal.labels" -}}
{{ include "buysignal.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "buysignal.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "buysignal.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "buysignal.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- define "buysignal.modelsClaim" -}}
{{ .Values.models.persistence.existingClaim | default (printf "%s-models" (include "buysignal.fullname" .)) }}
{{- end -}}

{{- define "buysignal.dataClaim" -}}
{{ .Values.data.existingClaim | default (printf "%s-data" (include "buysignal.fullname" .)) }}
{{- end -}}

{{/* What every pod of ours begins with. */}}
{{- define "buysignal.pod" -}}
serviceAccountName: {{ include "buysignal.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container of our image begins with. */}}
{{- define "buysignal.container" -}}
image: {{ include "buysignal.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{/* The root of the file system is read-only: what is written has a place of its own. */}}
{{- define "buysignal.scratchMounts" -}}
- { name: scratch, mountPath: /tmp, subPath: tmp }
- { name: scratch, mountPath: /home/buysignal, subPath: home }
- { name: scratch, mountPath: /var/cache/buysignal, subPath: cache }
{{- end -}}

{{- define "buysignal.scratchVolume" -}}
- name: scratch
  emptyDir: {}
{{- end -}}

{{- define "buysignal.modelsVolume" -}}
- name: models
  {{- if .Values.models.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "buysignal.modelsClaim" . }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end -}}

{{/* A pod that reads models waits until there is one, or fetches it. */}}
{{- define "buysignal.modelsThere" -}}
{{- if .Values.models.fetch.enabled }}
- name: fetch-models
  image: {{ .Values.models.fetch.image | quote }}
  {{- with .Values.models.fetch.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.models.fetch.args }}
  args:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  env:
    - { name: HOME, value: /tmp }
    {{- with .Values.models.fetch.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  resources:
    requests: { cpu: 50m, memory: 128Mi }
    limits: { memory: 512Mi }
  volumeMounts:
    - { name: models, mountPath: /models }
    - { name: scratch, mountPath: /tmp, subPath: tmp }
{{- else }}
- name: wait-for-model
  {{- include "buysignal.container" . | nindent 2 }}
  command: [/bin/sh, -c]
  args:
    - until [ -f /models/registry/champion/manifest.json ]; do echo "no champion yet; see the notes of the chart"; sleep 5; done
  resources:
    requests: { cpu: 10m, memory: 16Mi }
    limits: { memory: 64Mi }
  volumeMounts:
    - { name: models, mountPath: /models, readOnly: true }
{{- end }}
{{- end -}}

{{/* The key that ids are hashed with as they are read; the same everywhere, or a visitor has several names. */}}
{{- define "buysignal.idKey" -}}
- name: BUYSIGNAL_ID_KEY
  valueFrom:
    secretKeyRef: { name: {{ .Values.idKeySecret }}, key: BUYSIGNAL_ID_KEY }
{{- end -}}
