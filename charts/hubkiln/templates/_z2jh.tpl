{{- /* The same as `hubkiln chart values` prints; a test compares them. */}}
{{- define "hubkiln.z2jhValues" -}}
{{- $secret := and .Values.registry.pullWithIt (include "hubkiln.registrySecret" .) }}
hub:
  {{- with .Values.images.pullSecrets }}
  image:
    pullSecrets: {{ toJson . }}
  {{- end }}
  initContainers:
    - name: hubkiln
      image: {{ include "hubkiln.image" . }}
      command: [cp, -r, /opt/hubkiln-plugin/., /plugin/]
      securityContext:
        runAsUser: 1000
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: hubkiln, mountPath: /plugin}
  extraVolumes:
    - {name: hubkiln, emptyDir: {sizeLimit: 20Mi}}
  extraVolumeMounts:
    - {name: hubkiln, mountPath: /opt/hubkiln, readOnly: true}
  extraEnv:
    PYTHONPATH: /opt/hubkiln
    {{- if .Values.token.create }}
    BINDER_TOKEN:
      valueFrom:
        secretKeyRef: {name: {{ include "hubkiln.tokenSecret" . }}, key: token}
    {{- else }}
  services:
    {{ .Values.hub.service }}:
      url: {{ include "hubkiln.url" . }}
      oauth_no_confirm: true
      display: false
    {{- end }}
  extraConfig:
    # Sorted last, so that nobody's hooks replace ours afterwards.
    zz-hubkiln: |
      from hubkiln.hub import setup
      {{- with .Values.config.launch }}
      c.Hubkiln.launch = {{ . | quote }}
      {{- end }}
      {{- if .Values.token.create }}
      setup(
          c,
          service={{ .Values.hub.service | quote }},
          url={{ include "hubkiln.url" . | quote }},
          token=os.environ["BINDER_TOKEN"],
          pull_secrets={{ empty $secret | not | ternary (list $secret) list | toJson }},
      )
      {{- else }}
      setup(c, service={{ .Values.hub.service | quote }}, pull_secrets={{ empty $secret | not | ternary (list $secret) list | toJson }})
      {{- end }}
{{- end }}
