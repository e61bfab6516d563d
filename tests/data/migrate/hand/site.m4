define(`confMAX_HOP', `21')dnl
