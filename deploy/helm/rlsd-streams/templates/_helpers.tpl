{{- define "rlsd.run" -}}
{{- .Values.run | default .Release.Name -}}
{{- end }}

{{/* Name of a stage's objects. (dict "root" $ "name" STAGE) */}}
{{- define "rlsd.name" -}}
{{- printf "%s-%s" .root.Release.Name (.name | replace "." "-" | lower) | trunc 54 | trimSuffix "-" -}}
{{- end }}

{{- define "rlsd.selector" -}}
app.kubernetes.io/name: rlsd-streams
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "rlsd.labels" -}}
{{ include "rlsd.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* The pod template of a stage. (dict "root" $ "name" STAGE "stage" SETTINGS "job" BOOL) */}}
{{- define "rlsd.pod" -}}
{{- $stage := .stage -}}
{{- $kafka := mergeOverwrite (deepCopy .root.Values.kafka) $stage.kafka -}}
metadata:
  labels:
    {{- include "rlsd.labels" . | nindent 4 }}
    {{- with $stage.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    {{- if not $stage.command }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "9464"
    prometheus.io/path: /metrics
    {{- end }}
    checksum/pipeline: {{ .root.Values.pipeline | sha256sum }}
    {{- with $stage.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  {{- if .job }}
  restartPolicy: Never
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # The first process of the pod then reaps the programs of verifiers.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ $stage.terminationGracePeriodSeconds }}
  {{- with $stage.serviceAccountName }}
  serviceAccountName: {{ . }}
  {{- end }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $stage.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if hasKey $stage "hostUsers" }}
  hostUsers: {{ $stage.hostUsers }}
  {{- end }}
  {{- with $stage.podSecurityContext }}
  securityContext: {{ toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: stage
      image: {{ $stage.image | default (printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion)) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      {{- if $stage.command }}
      command: {{ toYaml $stage.command | nindent 8 }}
      {{- with $stage.args }}
      args: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- else }}
      args:
        - run
        - {{ ternary "/pipeline/pipeline.yaml" .root.Values.pipelineFile (ne .root.Values.pipeline "") }}
        - --run
        - /runs/{{ include "rlsd.run" .root }}
        - --join
        {{- if not .job }}
        - --stay
        {{- end }}
        - --json
        - --set
        - {{ printf "topics.kafka=%s" (toRawJson $kafka) | quote }}
        - --stage
        - {{ .name }}
      ports:
        - { name: metrics, containerPort: 9464 }
      # For a model that loads slowly: ten minutes.
      startupProbe:
        httpGet: { path: /metrics, port: metrics }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 120
      readinessProbe:
        httpGet: { path: /metrics, port: metrics }
        periodSeconds: 15
        timeoutSeconds: 5
      # Longer than the five minutes for which a process waits for a broker, since metrics ask it for the lag.
      livenessProbe:
        httpGet: { path: /metrics, port: metrics }
        periodSeconds: 15
        timeoutSeconds: 5
        failureThreshold: 24
      {{- end }}
      env:
        - { name: RLSD_METRICS_PORT, value: "9464" }
        - { name: RLSD_LOG, value: json }
        {{- range $stage.secrets.env }}
        - name: {{ .name }}
          valueFrom:
            secretKeyRef: { name: {{ .secret }}, key: {{ .key }} }
        {{- end }}
        {{- with $stage.env }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with $stage.resources }}
      resources: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $stage.securityContext }}
      securityContext: {{ toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - { name: runs, mountPath: /runs }
        - { name: tmp, mountPath: /tmp }
        {{- if .root.Values.pipeline }}
        - { name: pipeline, mountPath: /pipeline, readOnly: true }
        {{- end }}
        {{- if $stage.data.claim }}
        - { name: data, mountPath: {{ $stage.data.mountPath }}, readOnly: true }
        {{- end }}
        {{- range $stage.secrets.files }}
        - { name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true }
        {{- end }}
        {{- with $stage.volumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: runs
      {{- toYaml $stage.runs | nindent 6 }}
    - name: tmp
      {{- toYaml $stage.tmp | nindent 6 }}
    {{- if .root.Values.pipeline }}
    - name: pipeline
      configMap: { name: {{ include "rlsd.name" (dict "root" .root "name" "pipeline") }} }
    {{- end }}
    {{- with $stage.data.claim }}
    - name: data
      persistentVolumeClaim: { claimName: {{ . }}, readOnly: true }
    {{- end }}
    {{- range $stage.secrets.files }}
    - name: secret-{{ . }}
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- with $stage.volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}
